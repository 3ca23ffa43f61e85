package main

import (
	"fmt"
	"strings"

	"valise/crypto"
	"valise/portal/ceremony"
)

// showChanges prints what a version changes against the one before it: [-what went-], {+what came+}, and … for paragraphs that are the same.
func showChanges(p *process, c *ceremony.StatementChanges, before int) {
	p.say("\n──── changed against version %d ──── [-removed-] {+added+}", before)
	for _, line := range []struct {
		name   string
		change *ceremony.Change
	}{{"topic", c.Topic}, {"series", c.Series}, {"publication", c.PublishAt}, {"acknowledgement asked of", c.Acknowledge}, {"deadline", c.Deadline}} {
		if line.change != nil {
			p.say("%s: %s → %s", line.name, clean(orNone(line.change.Before)), clean(orNone(line.change.After)))
		}
	}
	for _, a := range c.Attachments {
		p.say("attached: %s → %s", attachedText(a.Before), attachedText(a.After))
	}
	for i := range c.Languages {
		showLanguageChanges(p, &c.Languages[i])
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func attachedText(a *crypto.StatementAttachment) string {
	if a == nil {
		return "none"
	}
	return fmt.Sprintf("%s (%s, SHA-256 %s)", clean(a.Name), size(int(a.Size)), a.SHA256)
}

func showLanguageChanges(p *process, l *ceremony.LanguageChanges) {
	switch {
	case l.New:
		p.say("\n%s: a new language", l.Language)
		return
	case !l.Any():
		p.say("\n%s: the same text", l.Language)
		return
	}
	p.say("\n%s: %s", l.Language, clean(markedText(l.Title)))
	same := false
	for _, paragraph := range l.Body {
		text := strings.TrimRight(markedText(paragraph), "\n")
		if len(paragraph) == 1 && paragraph[0].Same != "" {
			if !same {
				p.say("  …")
			}
			same = true
			continue
		}
		same = false
		p.say("  %s", strings.ReplaceAll(cleanText(text), "\n", "\n  "))
	}
}

// markedText writes a comparison with the marks of wdiff.
func markedText(pieces []ceremony.Piece) string {
	var b strings.Builder
	for _, piece := range pieces {
		switch {
		case piece.Removed != "":
			b.WriteString("[-" + piece.Removed + "-]")
		case piece.Added != "":
			b.WriteString("{+" + piece.Added + "+}")
		default:
			b.WriteString(piece.Same)
		}
	}
	return b.String()
}
