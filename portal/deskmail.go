package portal

import (
	"slices"
	"time"

	"valise/crypto"
)

// IsOfDesk says whether somebody opens what is sealed to the desk: an author or an approver.
func IsOfDesk(member *crypto.Staff) bool {
	return member != nil && (member.Has(crypto.RoleAuthor) || member.Has(crypto.RoleApprover))
}

// DeskMail returns the certificates that people are to encrypt to who write to the desk from their mail programs: for each address the one that the root certified last for crypto.RoleDeskMail,
// among those whose key somebody has who is of the desk now. holders are who has the key of which. Newest first.
func DeskMail(root *crypto.Root, staff []*crypto.Certificate, holders map[crypto.Fingerprint][]string, now time.Time) []*crypto.Staff {
	desk := map[string]bool{}
	var marked []*crypto.Staff
	for _, c := range staff {
		member, err := root.VerifyStaff(c, now)
		if err != nil {
			continue
		}
		desk[StaffHolder(c.Fingerprint())] = IsOfDesk(member)
		if _, _, ok := member.DeskAddress(); ok && c.CheckPolicy(now) == nil {
			marked = append(marked, member)
		}
	}
	slices.SortStableFunc(marked, func(a, b *crypto.Staff) int { return b.Certified().Compare(a.Certified()) })
	var published []*crypto.Staff
	seen := map[string]bool{}
	for _, member := range marked {
		_, email, _ := member.DeskAddress()
		opens := func(holder string) bool { return desk[holder] }
		if seen[email] || !slices.ContainsFunc(holders[member.Certificate().Fingerprint()], opens) {
			continue
		}
		seen[email] = true
		published = append(published, member)
	}
	return published
}
