package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"azulejo/cmd/internal/cli"
)

// checkCmd loads the configuration with the flags of serve, and reports all mistakes in it. It starts no server.
type checkCmd struct {
	serveCmd `embed:""`
	Connect  bool `help:"Try every camera and the store too. A running server has its own count of wrong logins: these come on top."`
}

// Run returns a usage error for mistakes in the configuration, and another error if a camera or the store cannot be used.
func (c *checkCmd) Run(ctx context.Context, env environment) error {
	l, err := c.read(env)
	if err != nil {
		return cli.Usage(err)
	}
	l.check(l.cfg.checkFiles())
	valid := len(l.all) == 0
	l.check(l.cfg.checkPorts())
	if c.Connect && valid {
		err = l.cfg.connect(ctx, os.Stdout)
	}
	if mistakes := l.err(); mistakes != nil {
		return cli.Usage(errors.Join(mistakes, err))
	}
	if err == nil {
		fmt.Println("the configuration is good")
	}
	return err
}

// checkFiles returns an error with a line for each file of tls that the server cannot use.
func (c Config) checkFiles() error {
	if c.TLS.Cert == "" || c.TLS.Key == "" {
		return nil
	}
	cert, errCert := os.ReadFile(c.TLS.Cert)
	key, errKey := os.ReadFile(c.TLS.Key)
	if errCert == nil {
		errCert = checkCertificate(cert)
	}
	if errCert == nil && errKey == nil {
		_, errKey = tls.X509KeyPair(cert, key)
	}
	var errs []error
	if errCert != nil {
		errs = append(errs, fmt.Errorf("tls.cert: %q: %s; accepted is a PEM file with the certificate", c.TLS.Cert, plain(errCert)))
	}
	if errKey != nil {
		errs = append(errs, fmt.Errorf("tls.key: %q: %s; accepted is a PEM file with the key of the certificate", c.TLS.Key, plain(errKey)))
	}
	return errors.Join(errs...)
}

// checkCertificate checks that data is PEM and starts with a certificate.
func checkCertificate(data []byte) error {
	block, _ := pem.Decode(data)
	if block == nil {
		return errors.New("there is no PEM in it")
	}
	if block.Type != "CERTIFICATE" {
		return fmt.Errorf("it starts with %q", block.Type)
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err
}

// plain returns the cause in err, without the operation, the path and the package.
func plain(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "tls: "), "x509: ")
}

// checkPorts opens all ports of the server and closes them again. It returns an error with a line for each port that it cannot
// open. It skips addresses that Validate refuses.
func (c Config) checkPorts() error {
	var errs []error
	for _, port := range []struct{ key, network, address string }{
		{"listen", "tcp", c.Listen},
		{"webrtc.udp", "udp", c.WebRTC.UDP},
		{"webrtc.tcp", "tcp", c.WebRTC.TCP},
		{"turn.listen", "tcp", c.Turn.Listen},
		{"turn.listen", "udp", c.Turn.Listen},
	} {
		if port.address == "" {
			continue
		}
		opened, err := openPort(port.network, port.address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %q: %s", port.key, port.address, portTrouble(err)))
			continue
		}
		defer func() { _ = opened.Close() }() // nothing was sent
	}
	return errors.Join(errs...)
}

func openPort(network, address string) (io.Closer, error) {
	if network == "udp" {
		return net.ListenPacket(network, address)
	}
	return net.Listen(network, address)
}

// portTrouble says why a port cannot be opened.
func portTrouble(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "the port is in use, by another program or by a server that runs; accepted is a free port"
	case errors.Is(err, syscall.EACCES):
		return "this user may not open the port; accepted are ports from 1024 on"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have the address; accepted are its own addresses"
	}
	return plain(err)
}
