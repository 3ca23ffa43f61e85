//go:build desk || !js

package main

import (
	"encoding/json"
	"errors"
	"strings"

	"valise/crypto"
	"valise/portal/api"
	"valise/portal/ceremony"
)

func init() {
	register(table{"dispatch-headings": (*engine).noticeHeadings})
}

type listingNotices struct {
	Languages []string `json:"languages"` // wanted, the first one most
}

// noticeHeading is a notice in a list. Subject is "" with a Problem.
type noticeHeading struct {
	Notice   crypto.Number `json:"notice"`
	Subject  string        `json:"subject"`
	Language string        `json:"language"`
	Problem  string        `json:"problem"`
}

// noticeHeadings opens the subjects of notices; data is the answer of GET /staff/headings as it came.
func (e *engine) noticeHeadings(parameters, data []byte) (any, error) {
	o, err := e.onDuty()
	if err != nil {
		return nil, err
	}
	var p listingNotices
	var notices []api.StaffNotice
	if err := json.Unmarshal(parameters, &p); err != nil {
		return nil, errEngine
	}
	if err := json.Unmarshal(data, &notices); err != nil {
		return nil, errors.New("the portal's answer can't be read")
	}
	headed, err := ceremony.NoticeHeadings(e.trust, o.keys, notices, e.now())
	if err != nil {
		return nil, err
	}
	lines := make([]noticeHeading, len(headed))
	for i, h := range headed {
		lines[i].Notice = h.Notice
		if h.Problem != nil {
			lines[i].Problem = sentence(h.Problem).Error()
			continue
		}
		lines[i].Subject, lines[i].Language = subjectOf(h.Subjects, p.Languages)
	}
	return lines, nil
}

// subjectOf is the subject in the first language that is wanted and there; else the authoritative one.
func subjectOf(subjects []crypto.LanguageSubject, wanted []string) (subject, language string) {
	for _, tag := range wanted {
		for _, s := range subjects {
			if strings.EqualFold(s.Language, tag) {
				return s.Subject, s.Language
			}
		}
	}
	if len(subjects) == 0 {
		return "", ""
	}
	return subjects[0].Subject, subjects[0].Language
}
