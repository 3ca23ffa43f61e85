package web

import (
	"valise/portal"
	"valise/portal/api"
	"valise/portal/audit"
)

// AuditWords tells entries of the audit trail in English sentences, as the page for auditors does; names are those that whoever asks believes, by holder.
func AuditWords(names map[string]string) (func(api.AuditEntry) (string, error), error) {
	languages, err := readLanguages()
	if err != nil {
		return nil, err
	}
	l := languages.spoken["en"]
	return func(e api.AuditEntry) (string, error) {
		act := e.Act
		if e.Refused {
			act = audit.RefusedName(act)
		}
		return auditSentence(l, nameBook(names), audit.Entry{AuditEntry: portal.AuditEntry{Actor: e.Actor, Act: act, Object: e.Object}, At: e.At})
	}, nil
}
