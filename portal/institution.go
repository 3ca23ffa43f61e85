package portal

import (
	"errors"
	"fmt"
	"strings"
)

// Institution is the court or body that runs this portal, as its configuration file (TOML) describes it:
//
//	languages = ["en", "fr"]          # working languages, the authoritative one first
//	contact = ["Registry: +31 70 …"]  # lines for people who need a human
//
//	[name]
//	en = "International Court"
//	fr = "Cour internationale"
type Institution struct {
	Name      map[string]string `toml:"name"`      // by language; every working language has one
	Languages []string          `toml:"languages"` // BCP 47 tags, authoritative first
	Contact   []string          `toml:"contact"`
}

// Check says what is missing.
func (i Institution) Check() error {
	if len(i.Languages) == 0 {
		return errors.New(`languages is empty; name the working languages, the authoritative one first: languages = ["en", "fr"]`)
	}
	for _, language := range i.Languages {
		if strings.TrimSpace(i.Name[language]) == "" {
			return fmt.Errorf("the institution has no name in %q; add it under [name]", language)
		}
	}
	return nil
}

// NameIn returns the name in a language, or in the authoritative one.
func (i Institution) NameIn(language string) string {
	if name := i.Name[language]; name != "" {
		return name
	}
	if len(i.Languages) == 0 {
		return ""
	}
	return i.Name[i.Languages[0]]
}
