package templates

import _ "embed"

// Letter is the letter that a registrar prints for a representative (html/template);
// it holds the claim code, so it is filled in on the registrar's own machine only. "letter" is its body.
//
//go:embed letter.html
var Letter string
