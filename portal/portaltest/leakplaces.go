package portaltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// Place returns what somebody who copied this Redis would have.
func (r *RedisServer) Place() Place {
	r.t.Helper()
	return Place{"Redis", []byte(r.Dump())}
}

// SQLitePlaces returns what somebody who copied a SQLite database would have: its files to the octet, and every value in it, since a
// large one is scattered over pages.
func SQLitePlaces(t testing.TB, path string) []Place {
	t.Helper()
	var places []Place
	for _, suffix := range []string{"", "-wal", "-journal"} {
		data, err := os.ReadFile(path + suffix)
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, Place{"the database's file" + suffix, data})
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// What a virtual table (a search index) keeps stands in ordinary tables beside it.
	return append(places, tables(t, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY name`)...)
}

// PostgreSQLPlaces returns every value of every table in a database.
func PostgreSQLPlaces(t testing.TB, dsn string) []Place {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return tables(t, db, `SELECT table_schema || '.' || table_name FROM information_schema.tables
		WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
}

// tables dumps those that a query names: a line per value; octets both as they are and in hexadecimal, as dumps have them.
func tables(t testing.TB, db *sql.DB, names string) (places []Place) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), names)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("the database has no tables; nothing would be searched")
	}
	for _, name := range all {
		data, err := table(db, name)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, Place{"the table " + name, data})
	}
	return places
}

func table(db *sql.DB, name string) ([]byte, error) {
	rows, err := db.QueryContext(context.Background(), "SELECT * FROM "+pgx.Identifier(strings.Split(name, ".")).Sanitize())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, v := range values {
			if octets, ok := v.([]byte); ok {
				fmt.Fprintf(&b, "%s.%s = %s\n= \\x%x\n", name, columns[i], octets, octets)
				continue
			}
			fmt.Fprintf(&b, "%s.%s = %v\n", name, columns[i], v)
		}
	}
	return []byte(b.String()), rows.Err()
}
