package web

import (
	"html"
	"regexp"
	"strings"

	"valise/crypto"
)

// What somebody who mirrors a portal compares its answers with (valise export).

// StatementFiles returns the files that prove a version of a statement, by their names under its address ("en.txt", "manifest.txt.asc"), byte for byte as a portal
// serves them. Attachments are not among them.
func StatementFiles(v *crypto.VerifiedStatement) (map[string][]byte, error) {
	names := []string{"manifest.txt", "manifest.txt.asc", signersFile, signedFile}
	for _, tag := range v.Manifest().Languages() {
		names = append(names, tag+".txt", tag+".md", tag+".md.asc")
	}
	files := make(map[string][]byte, len(names))
	for _, name := range names {
		_, data, err := statementFile(v, name)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

var shownTitle = regexp.MustCompile(`(?s)<h1 lang="([^"]*)" dir="[^"]*">(.*?)</h1>`)

// Shows says whether a page shows a text of a verified statement: its title, all of its body, and its reason. What else is on the page it does not judge.
func Shows(page []byte, v *crypto.VerifiedStatement, tag string) bool {
	text := v.Text(tag)
	if text == nil {
		return false
	}
	body, err := statementHTML(text.Body)
	title := shownTitle.FindSubmatch(page)
	if err != nil || title == nil || string(title[1]) != tag || html.UnescapeString(string(title[2])) != text.Title {
		return false
	}
	return strings.Contains(string(page), string(body)) && strings.Contains(html.UnescapeString(string(page)), text.Reason)
}
