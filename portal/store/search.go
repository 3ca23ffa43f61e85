package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

// Full-text search is where the two databases differ most. Package publish makes the words, so that both
// find the same: here they are only looked up. The table has the same columns in both,
//
//	statement_search (statement, version, language, words)

// searchSpeech is how one of them does it.
type searchSpeech struct {
	create []string
	// words is how the words of a text, with spaces between them, are put in; %d is the parameter's number.
	words func(parameter int) string
	// matches is the condition that a text has all words looked for; pattern makes the value of its parameter.
	matches func(parameter int) string
	pattern func(words []string) string
}

var searchOfSQLite = searchSpeech{
	create: []string{`CREATE VIRTUAL TABLE statement_search USING fts5(words, statement UNINDEXED, version UNINDEXED, language UNINDEXED,
		tokenize = "unicode61 remove_diacritics 0", detail = none, columnsize = 0)`},
	words:   func(parameter int) string { return "$" + strconv.Itoa(parameter) },
	matches: func(parameter int) string { return "statement_search MATCH $" + strconv.Itoa(parameter) },
	pattern: func(words []string) string { return joinPatterns(words, `"`, `"*`, `"`, " ") },
}

var searchOfPostgreSQL = searchSpeech{
	create: []string{
		`CREATE TABLE statement_search (statement TEXT NOT NULL, version BIGINT NOT NULL, language TEXT NOT NULL, words TSVECTOR NOT NULL)`,
		`CREATE INDEX statement_search_words ON statement_search USING gin (words)`,
	},
	words: func(parameter int) string {
		return "array_to_tsvector(string_to_array($" + strconv.Itoa(parameter) + ", ' '))"
	},
	matches: func(parameter int) string { return "words @@ CAST($" + strconv.Itoa(parameter) + " AS tsquery)" },
	pattern: func(words []string) string { return joinPatterns(words, `'`, `':*`, `'`, " & ") },
}

// minPrefix is how many characters a word has at least that is looked for as the beginning of others. What is shorter
// would begin half of all words.
const minPrefix = 3

// joinPatterns writes words, which are letters and digits and nothing else, as a query. A single character of a script without spaces begins
// the pairs that it stands first in.
func joinPatterns(words []string, open, prefix, exact, and string) string {
	patterns := make([]string, len(words))
	for i, word := range words {
		end := exact
		if n := len([]rune(word)); n >= minPrefix || n == 1 && len(word) > 2 {
			end = prefix
		}
		patterns[i] = open + word + end
	}
	return strings.Join(patterns, and)
}

// searchMigration makes the table; it stands between the migrations of the folder.
func searchMigration(s searchSpeech) *goose.Migration {
	return goose.NewGoMigration(3, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		for _, statement := range s.create {
			if _, err := t.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}}, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		_, err := t.ExecContext(ctx, `DROP TABLE statement_search`)
		return err
	}})
}
