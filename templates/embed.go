// Package templates holds the texts that people see: the pages' templates (html/template), the catalogues of
// messages that fill them (go-i18n), and the letter. It is embedded files and nothing else.
//
//	pages/NAME.html     one page: defines "main"; pages/layout.html is around all of them, pages/parts*.html are for all of them
//	messages/LANG.toml  one interface language; all catalogues have the same keys
//	notices/NAME.toml   what a notice can begin with, unless the institution has its own; sorted by name
//	letter.html         what a registrar prints
//
// A key that starts with "js." is for the scripts: the layout hands it to the browser as text, and what stands in
// braces in it is filled in there.
package templates

import "embed"

// Pages are the templates of the pages, pages/*.html.
//
//go:embed pages/*.html
var Pages embed.FS

// Messages are the catalogues, messages/*.toml, named after the BCP 47 tag of their language.
//
//go:embed messages/*.toml
var Messages embed.FS

// Notices are what a notice can begin with, notices/*.toml; web.ReadNoticeTemplates says what is in them.
//
//go:embed notices/*.toml
var Notices embed.FS
