package main

import (
	"fmt"
	"strings"
	"time"

	"azulejo/cmd/internal/cli"
	"azulejo/signal/auth"
	"azulejo/signal/room"
)

// tokenCmd prints a token. It reads the secret from the same configuration as serve. There is no flag for the secret, since
// other users of the machine can see flags.
type tokenCmd struct {
	Config string   `short:"c" help:"Configuration file (YAML) with auth.secret; AZULEJO_AUTH_SECRET beats it." placeholder:"FILE"`
	Room   string   `required:"" help:"The room it is good for; * is all."`
	Name   string   `help:"The only name that its bearer may have; any when left out."`
	Grant  []string `default:"view" help:"What it allows: view, publish, footage, admin (which is all)."`
	TTL    Duration `name:"ttl" default:"1h" help:"How long it is good, such as 30m or 30d."`
}

// longestTTL is the longest accepted --ttl, about ten years. With this limit, a mistyped --ttl cannot make a token that never
// expires.
const longestTTL = 10 * 366 * 24 * time.Hour

// Run prints the token, and nothing else, on standard output.
func (c *tokenCmd) Run(env environment) error {
	pass, err := c.pass(time.Now())
	if err != nil {
		return cli.Usage(err)
	}
	cfg, err := loadConfig(c.Config, env, nil)
	if err != nil {
		return cli.Usage(err)
	}
	token, err := auth.Mint(auth.Secret(cfg.Auth.Secret), pass)
	if err != nil {
		return cli.Usage(err)
	}
	fmt.Println(token)
	return nil
}

// pass returns the permissions of the token, as the flags choose them. The token's lifetime starts at issued.
func (c *tokenCmd) pass(issued time.Time) (auth.Pass, error) {
	p := auth.Pass{Room: c.Room, Name: strings.TrimSpace(c.Name), Expires: issued.Add(time.Duration(c.TTL))}
	for _, g := range c.Grant {
		p.Grants = append(p.Grants, auth.Grant(strings.TrimSpace(g)))
	}
	if ttl := time.Duration(c.TTL); ttl <= 0 || ttl > longestTTL {
		return p, fmt.Errorf("--ttl: %v: accepted are more than 0 and at most %v", ttl, longestTTL)
	}
	if err := p.Validate(); err != nil {
		return p, fmt.Errorf("--%w", err)
	}
	if p.Room != auth.AllRooms {
		if err := room.CheckName(p.Room); err != nil {
			return p, fmt.Errorf("--room: %w", err)
		}
	}
	return p, nil
}
