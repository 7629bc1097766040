package rtsp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

const (
	receiveBuffer = 4 << 20 // bytes for each UDP socket: several keyframes of a camera in 4K
	maxDatagram   = 65535   // bytes
	portTries     = 32
	readTries     = 16 // reads of a socket that fail in a row until it is given up
)

var errPorts = errors.New("no two adjacent UDP ports are free")

// openPair opens sockets on an even port and on the next one (RFC 3550, 11).
func openPair() (rtp, rtcp *net.UDPConn, err error) {
	for range portTries {
		rtp, err = net.ListenUDP("udp", nil)
		if err != nil {
			return nil, nil, fmt.Errorf("open a UDP socket: %w", err)
		}
		port := rtp.LocalAddr().(*net.UDPAddr).Port
		rtcp, err = net.ListenUDP("udp", &net.UDPAddr{Port: port ^ 1})
		if err != nil {
			_ = rtp.Close() // nothing was sent
			continue
		}
		if port&1 == 1 {
			rtp, rtcp = rtcp, rtp
		}
		return rtp, rtcp, nil
	}
	return nil, nil, errPorts
}

// enlargeBuffer requests a receive buffer of receiveBuffer bytes. It returns how large the buffer is. Linux reports twice the
// size, because it counts its own overhead.
func enlargeBuffer(socket *net.UDPConn) int {
	_ = socket.SetReadBuffer(receiveBuffer) // the size that the socket has is read below
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	size := 0
	err = raw.Control(func(fd uintptr) {
		size, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF) // zero if it cannot be read
	})
	if err != nil {
		return 0
	}
	return size / 2
}

// listen reads datagrams until the socket is closed or cannot be read, and passes those of the camera to receive. port is where
// the camera sends from; zero: where its first datagram comes from.
func (t *Track) listen(socket *net.UDPConn, port uint16, receive func([]byte)) {
	buffer := make([]byte, maxDatagram)
	for failed := 0; failed < readTries; {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			failed++ // one failure may be an ICMP message about a packet that was sent
			continue
		}
		failed = 0
		if !t.sends(from.Addr()) || port != 0 && from.Port() != port {
			t.client.fault(FaultSender, fmt.Errorf("datagram from %v", from))
			continue
		}
		port = from.Port()
		receive(append([]byte(nil), buffer[:n]...))
	}
}

// sends tells whether the camera may send datagrams from an address.
func (t *Track) sends(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return address == t.peer.WithZone("") || address == t.source.WithZone("")
}

// write sends a packet to the camera over UDP. It does nothing if the port is unknown.
func (t *Track) write(socket *net.UDPConn, port uint16, data []byte) {
	if port != 0 {
		_, _ = socket.WriteToUDPAddrPort(data, netip.AddrPortFrom(t.peer, port)) // packets may be lost
	}
}
