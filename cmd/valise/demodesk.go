package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"valise/crypto"
	"valise/portal/ceremony"
	"valise/portal/client"
)

// demoDeskAddress is what the demo's courier writes from.
const demoDeskAddress = "registry@court.example"

// writeToDesk makes the desk's certificate for mail programs, and gives its key to author and approver: the author's and the root's parts. The certificate is written to desk.asc, for trying out gpg with.
func (d *demo) writeToDesk(ctx context.Context, c *client.Client) error {
	now := time.Now()
	made, err := crypto.NewDeskKey("Registry", demoDeskAddress, now)
	if err != nil {
		return err
	}
	certificate, err := crypto.CertifyStaff(d.root, made.Certificate(), []crypto.Role{crypto.RoleDeskMail}, now)
	if err != nil {
		return err
	}
	if _, err := c.AddStaff(ctx, certificate.Armor()); err != nil {
		return err
	}
	trust, err := d.believe(ctx, c)
	if err != nil {
		return err
	}
	author := d.member(crypto.RoleAuthor)
	given, err := ceremony.GiveDeskKey(trust, author, made, trust.Staff(now, deskRoles...), now)
	if err != nil {
		return err
	}
	if _, err := c.LogInStaff(ctx, author); err != nil {
		return err
	}
	if err := c.ShareDeskKey(ctx, certificate.Fingerprint(), given); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "desk.asc"), []byte(certificate.Armor()), 0o644); err != nil {
		return err
	}
	return c.LogOut(ctx)
}
