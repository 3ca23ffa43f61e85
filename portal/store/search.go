package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/pressly/goose/v3"
)

// Full-text search is where the two databases differ most. Package publish makes the words, so that both
// find the same: here they are only looked up. A statement's newest version is found by its place in the archive, in
// which results are wanted anyway: SQLite walks the places backwards and stops when a page is full; PostgreSQL
// collects them all and sorts, so what it has to read for that is kept small.

// searchSpeech is how one of them does it.
type searchSpeech struct {
	create []string
	// insert takes a place and the words of a text, with spaces between them.
	insert string
	// from joins statement_heads h with what matches; %d is the parameter for what pattern makes of words.
	from    string
	pattern func(words []string) string
}

var searchOfSQLite = searchSpeech{
	create: []string{`CREATE VIRTUAL TABLE statement_search USING fts5(words, content = '', prefix = '3', detail = none, columnsize = 0,
		tokenize = "unicode61 remove_diacritics 0")`},
	insert:  `INSERT INTO statement_search (rowid, words) VALUES ($1, $2)`,
	from:    `(SELECT rowid AS place FROM statement_search WHERE statement_search MATCH $%d ORDER BY rowid DESC) s CROSS JOIN statement_heads h ON h.place = s.place`,
	pattern: func(words []string) string { return joinPatterns(words, `"`, `"*`, `"`, " ") },
}

var searchOfPostgreSQL = searchSpeech{
	create: []string{
		// Words go out of line, so that thousands of places are on a few pages.
		`CREATE TABLE statement_search (place BIGINT NOT NULL PRIMARY KEY, words TSVECTOR NOT NULL) WITH (toast_tuple_target = 128)`,
		// Searches come often and statements seldom: nothing is put off until later.
		`CREATE INDEX statement_search_words ON statement_search USING gin (words) WITH (fastupdate = off)`,
	},
	insert:  `INSERT INTO statement_search (place, words) VALUES ($1, array_to_tsvector(string_to_array($2, ' ')))`,
	from:    `statement_search s JOIN statement_heads h ON h.place = s.place AND s.words @@ CAST($%d AS tsquery)`,
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
