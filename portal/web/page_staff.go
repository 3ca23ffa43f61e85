package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"valise/crypto"
	"valise/portal"
)

// The pages of staff stand under deskPath, behind a door of their own.
const (
	deskPath  = "/staff"
	deskLogIn = deskPath + "/login"
)

// isDesk says whether a page is one of staff.
func isDesk(path string) bool { return path == deskPath || strings.HasPrefix(path, deskPath+"/") }

// doorOf is where a holder logs in.
func doorOf(holder string) string {
	if _, ok := portal.StaffFingerprint(holder); ok {
		return deskLogIn
	}
	return "/login"
}

// deskNext is a page of staff to go on to, or their home for anything else.
func deskNext(wanted string) string {
	u, err := url.Parse(localPath(wanted))
	if err != nil || !isDesk(u.Path) || u.Path == deskLogIn || u.Path == factorPath || u.Path != path.Clean(u.Path) {
		return deskPath
	}
	return wanted
}

// staffFrame is what the frame around a page says of the staff member who is logged in.
type staffFrame struct {
	Name  string
	Roles []crypto.Role
}

func frameOf(a portal.Actor) *staffFrame {
	member := a.Staff()
	if member == nil {
		return nil
	}
	return &staffFrame{Name: member.Name(), Roles: member.Roles()}
}

func (f *staffFrame) has(roles ...crypto.Role) bool {
	return slices.ContainsFunc(roles, func(role crypto.Role) bool { return slices.Contains(f.Roles, role) })
}

// Writes says whether statements are their business.
func (f *staffFrame) Writes() bool { return f.has(crypto.RoleAuthor, crypto.RoleApprover) }

// Audits says whether they may read the trail.
func (f *staffFrame) Audits() bool { return f.has(crypto.RoleAuditor) }

// Knows says whether they may see whom the institution has given a mailbox.
func (f *staffFrame) Knows() bool {
	return f.has(crypto.RoleAuthor, crypto.RoleApprover, crypto.RoleRegistrar, crypto.RoleAuditor)
}

// RolesIn names the roles in the reader's language.
func (f *staffFrame) RolesIn(v *view) (string, error) {
	names := make([]string, len(f.Roles))
	for i, role := range f.Roles {
		var err error
		if names[i], err = v.T("certificates.role." + string(role)); err != nil {
			return "", err
		}
	}
	return strings.Join(names, ", "), nil
}

// getStaffLogIn is where staff log in. What it does is done in the browser; the server sees a signature.
func (s *server) getStaffLogIn(w http.ResponseWriter, r *http.Request) error {
	page := loginPage{Next: deskNext(r.URL.Query().Get("next"))}
	if note := r.URL.Query().Get("note"); slices.Contains(loginNotes, note) {
		page.Note = note
	}
	return s.pages.render(w, r, http.StatusOK, "staff_login", page)
}
