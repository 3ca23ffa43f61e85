package web

import (
	"net/http"

	"valise/portal/api"
	"valise/portal/publish"
)

// getInstitution tells anyone what a verifier needs: the root and the staff's certificates. Nobody has to believe it: the root's
// fingerprint stands on paper, and certifies the rest.
func (s *server) getInstitution(w http.ResponseWriter, r *http.Request) error {
	staff, err := s.Registry.Staff(r.Context())
	if err != nil {
		return err
	}
	root := s.Root.Certificate()
	return writeJSON(w, http.StatusOK, api.Institution{
		Name: s.Institution.Name, Origin: s.Origin, Languages: s.Institution.Languages,
		Root: root.Armor(), RootFingerprint: root.Fingerprint(), RootSHA256: root.PublicKeySHA256(),
		Staff: armorAll(staff), LedgerKey: string(s.LedgerKey),
	})
}

// postStaff takes a staff certificate from anyone: what counts is that the root certified it.
func (s *server) postStaff(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressStaff); err != nil {
		return err
	}
	var request api.StaffCertificate
	if err := decode(w, r, &request); err != nil {
		return err
	}
	member, err := s.Registry.AddStaff(r.Context(), []byte(request.Certificate))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, api.StaffMember{
		Fingerprint: member.Certificate().Fingerprint(), Name: member.Name(), Roles: member.Roles(),
	})
}

// postEvidence hands out what proves a receipt to whoever has the receipt.
func (s *server) postEvidence(w http.ResponseWriter, r *http.Request) error {
	if err := s.limitAddress(r, perAddressEvidence); err != nil {
		return err
	}
	var request api.EvidenceRequest
	if err := decode(w, r, &request); err != nil {
		return err
	}
	if publish.IsReceipt([]byte(request.Receipt)) {
		answer, err := s.statementEvidence(r, []byte(request.Receipt))
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, answer)
	}
	evidence, err := s.Dispatch.Evidence(r.Context(), []byte(request.Receipt))
	if err != nil {
		return err
	}
	answer := wireEvidence(evidence)
	if answer.LedgerProof, err = s.receiptProof(r, evidence.Kept); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, answer)
}
