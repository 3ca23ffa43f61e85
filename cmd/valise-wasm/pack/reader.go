package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/BurntSushi/toml"

	"valise/templates"
)

// The offline reader is one file, so that somebody can keep it: its own WASM, what runs it, a page and its words in all languages. Its policy allows the
// scripts in it, by their digests, and no request to anywhere. The same sources make the same octets, whose digest is what an institution tells.

//go:embed reader/reader.html
var readerPage string

//go:embed reader/reader.css
var readerStyle string

//go:embed reader/reader.js
var readerScript string

const readerFile = "reader.html"

// frenchSpaces are as on the portal's pages: no line breaks before or inside of French signs.
var frenchSpaces = strings.NewReplacer("« ", "«\u00a0", " »", "\u00a0»", " :", "\u00a0:", " ;", "\u202f;", " ?", "\u202f?", " !", "\u202f!")

// makeReader writes generated/reader.html. Where the WASM was not built, there is none.
func makeReader(folder, generated string) error {
	parts := make(map[string][]byte)
	for name, file := range map[string]string{
		"wasm": filepath.Join(generated, ".reader.wasm"), "exec": filepath.Join(generated, "wasm_exec.js"), "style": filepath.Join(folder, "valise.css"), "content": filepath.Join(folder, "content.js"),
	} {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		parts[name] = data
	}
	words, err := readerWords()
	if err != nil {
		return err
	}
	wasm, err := zipped(parts["wasm"])
	if err != nil {
		return err
	}
	scripts := []string{string(parts["exec"]), withoutModules(string(parts["content"])) + "\n" + readerScript}
	style := string(parts["style"]) + readerStyle
	for _, text := range append(scripts, style) {
		if strings.Contains(text, "</") && regexp.MustCompile(`(?i)</(script|style)`).MatchString(text) {
			return errors.New("a script or the style sheet would end early")
		}
	}
	page, err := fillReader(words, wasm, style, scripts)
	if err != nil {
		return err
	}
	file := filepath.Join(generated, readerFile)
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, page) {
		return nil
	}
	if err := os.WriteFile(file+".part", page, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".part", file)
}

func fillReader(words map[string]map[string]string, wasm, style string, scripts []string) ([]byte, error) {
	var missing error
	page, err := template.New("reader").Funcs(template.FuncMap{"t": func(key string) string {
		text, ok := words["en"][key]
		if !ok {
			missing = errors.Join(missing, fmt.Errorf("no catalogue has reader.%s", key))
		}
		return html.EscapeString(text)
	}}).Parse(readerPage)
	if err != nil {
		return nil, err
	}
	catalogue, err := json.Marshal(words) // it escapes < and >
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Execute(&b, struct {
		Policy, Style, WASM, Words string
		Scripts                    []string
	}{readerPolicy(style, scripts), style, wasm, string(catalogue), scripts})
	return b.Bytes(), errors.Join(err, missing)
}

// readerPolicy allows these scripts and this style sheet, the compiling of WASM, and nothing else: no request, whoever asks for it.
func readerPolicy(style string, scripts []string) string {
	source := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	policy := "default-src 'none'; connect-src 'none'; worker-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'; style-src" +
		source(style) + "; script-src 'wasm-unsafe-eval'"
	for _, s := range scripts {
		policy += source(s)
	}
	return policy
}

// readerWords are the messages whose keys start with "reader.", by language.
func readerWords() (map[string]map[string]string, error) {
	files, err := fs.Glob(templates.Messages, "messages/*.toml")
	if err != nil {
		return nil, err
	}
	words := make(map[string]map[string]string)
	for _, name := range files {
		data, err := fs.ReadFile(templates.Messages, name)
		if err != nil {
			return nil, err
		}
		tag := strings.TrimSuffix(path.Base(name), ".toml")
		if tag == "fr" {
			data = []byte(frenchSpaces.Replace(string(data)))
		}
		var catalogue struct {
			Reader map[string]string `toml:"reader"`
		}
		if err := toml.Unmarshal(data, &catalogue); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		words[tag] = catalogue.Reader
	}
	return words, nil
}

var (
	imports = regexp.MustCompile(`(?m)^import [^;]*;\n`)
	exports = regexp.MustCompile(`(?m)^export `)
)

// withoutModules makes of a module a part of another script, which has what it imports.
func withoutModules(script string) string {
	return exports.ReplaceAllString(imports.ReplaceAllString(script, ""), "")
}

// zipped is compressed with gzip, in base 64.
func zipped(data []byte) (string, error) {
	var b bytes.Buffer
	encoder := base64.NewEncoder(base64.StdEncoding, &b)
	w, err := gzip.NewWriterLevel(encoder, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := w.Write(data); err != nil {
		return "", err
	}
	if err := errors.Join(w.Close(), encoder.Close()); err != nil {
		return "", err
	}
	return b.String(), nil
}
