package main

import (
	"fmt"
	"mime"
	"path/filepath"
	"strings"

	"valise/crypto"
)

// readText reads one language of a notice: "en=FILE", or a file whose name says the
// language: en.md, notice.en.md.
func (p *process) readText(argument string) (crypto.LanguageVersion, error) {
	language, path := languageOf(argument)
	if !isLanguage(language) {
		return crypto.LanguageVersion{}, usagef("%s: which language is it in? Name the file like notice.en.md, or write en=%s", argument, path)
	}
	data, err := p.readInput(path, maxInput)
	if err != nil {
		return crypto.LanguageVersion{}, usageError{err}
	}
	subject, text, err := splitSubject(string(data))
	if err != nil {
		return crypto.LanguageVersion{}, fmt.Errorf("%s: %w", path, err)
	}
	return crypto.LanguageVersion{Language: language, Subject: subject, Text: text}, nil
}

// languageOf takes "en=FILE" apart, or tells the language by the file's name.
func languageOf(argument string) (language, path string) {
	language, path, named := strings.Cut(argument, "=")
	if !named {
		path = argument
		base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		language = base[strings.LastIndexByte(base, '.')+1:]
	}
	return language, path
}

// isLanguage says whether text has the form of a language tag: two or three letters,
// perhaps with a script or region behind a hyphen. More, crypto checks.
func isLanguage(text string) bool {
	primary, _, _ := strings.Cut(text, "-")
	return (len(primary) == 2 || len(primary) == 3) && strings.Trim(primary, "abcdefghijklmnopqrstuvwxyz") == ""
}

// splitSubject takes a draft apart: a front matter with a line "subject: …", or a first
// line that is the subject (a Markdown heading's # is dropped) and an empty one.
func splitSubject(draft string) (subject, text string, err error) {
	draft = strings.ReplaceAll(strings.TrimPrefix(draft, "\ufeff"), "\r\n", "\n")
	if rest, ok := strings.CutPrefix(draft, "---\n"); ok {
		matter, text, ok := strings.Cut(rest, "\n---\n")
		if !ok {
			return "", "", fmt.Errorf("the front matter doesn't end; close it with a line ---")
		}
		for line := range strings.Lines(matter) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
			if !ok || strings.TrimSpace(key) != "subject" {
				return "", "", fmt.Errorf("the front matter holds %q; the only thing that it may say is \"subject: …\"", clean(strings.TrimSpace(line)))
			}
			subject = strings.Trim(strings.TrimSpace(value), `"`)
		}
		text, err = someText(text)
		return subject, text, err
	}
	first, rest, _ := strings.Cut(strings.TrimLeft(draft, "\n"), "\n")
	if !strings.HasPrefix(rest, "\n") {
		return "", "", fmt.Errorf("its first line must be the subject, with an empty line below it, and the text below that")
	}
	text, err = someText(rest)
	return strings.TrimSpace(strings.TrimLeft(first, "# ")), text, err
}

// someText refuses what is empty: a file that was not saved, more likely than a notice that says nothing.
func someText(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", fmt.Errorf("there is no text below the subject; a notice that only brings files says so")
	}
	return withoutOuterLines(text), nil
}

// withoutOuterLines drops empty lines around a text and ends it with one line feed.
func withoutOuterLines(text string) string {
	return strings.Trim(text, "\n") + "\n"
}

// readAttachment reads a file that goes with a notice. Its type follows from its name.
func (p *process) readAttachment(path string) (crypto.Attachment, error) {
	data, err := p.readInput(path, crypto.MaxAttachmentsSize)
	if err != nil {
		return crypto.Attachment{}, fmt.Errorf("the attachment: %w", err)
	}
	return crypto.Attachment{Name: filepath.Base(path), Type: mediaType(path), Data: data}, nil
}

// mediaTypes are those that institutions send, whatever this machine's tables say.
var mediaTypes = map[string]string{
	".csv": "text/csv", ".txt": "text/plain", ".md": "text/markdown", ".json": "application/json", ".pdf": "application/pdf",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".zip": "application/zip",
	".odt": "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

func mediaType(path string) string {
	extension := strings.ToLower(filepath.Ext(path))
	if known := mediaTypes[extension]; known != "" {
		return known
	}
	kind, _, err := mime.ParseMediaType(mime.TypeByExtension(extension))
	if err != nil || strings.HasPrefix(kind, "message/") || strings.HasPrefix(kind, "multipart/") {
		return "application/octet-stream"
	}
	return kind
}
