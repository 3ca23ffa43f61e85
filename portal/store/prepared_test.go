package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// openKeeping opens a SQLite file with one connection, whose statements are kept, and a table of three rows.
func openKeeping(t *testing.T) *sql.DB {
	t.Helper()
	db, err := openConnections(sqliteAddress(filepath.Join(t.TempDir(), "test.db"), nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	for _, text := range []string{`CREATE TABLE rows (n BIGINT PRIMARY KEY)`, `INSERT INTO rows VALUES (1), (2), (3)`} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// idleStatements returns how many statements its connection keeps.
func idleStatements(t *testing.T, db *sql.DB) (n int) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Raw(func(c any) error { n = len(c.(*preparedConn).idle); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAStatementRunsInsideItself: while its rows are read, the same text is run again by the same connection.
func TestAStatementRunsInsideItself(t *testing.T) {
	db := openKeeping(t)
	for range 3 {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		const text = `SELECT n FROM rows WHERE n >= $1 ORDER BY n`
		var got []int
		outer, err := tx.Query(text, 1)
		if err != nil {
			t.Fatal(err)
		}
		for outer.Next() {
			var n, m int
			if err := outer.Scan(&n); err != nil {
				t.Fatal(err)
			}
			if err := tx.QueryRow(text, n).Scan(&m); err != nil { // ends before all rows were read
				t.Fatal(err)
			}
			got = append(got, n, m)
		}
		if err := errors.Join(outer.Err(), outer.Close(), tx.Rollback()); err != nil || fmt.Sprint(got) != "[1 1 2 2 3 3]" {
			t.Fatalf("%v, %v", got, err)
		}
	}
}

// TestStatementsOutliveWhatTheyFailOn: one that failed, or whose asker left, leaves nothing behind for who runs it next; and a table may change under it.
func TestStatementsOutliveWhatTheyFailOn(t *testing.T) {
	db := openKeeping(t)
	const insert, count = `INSERT INTO rows VALUES ($1)`, `SELECT count(*) FROM rows`
	want := 3
	for range 3 {
		if _, err := db.Exec(insert, 1); err == nil {
			t.Fatal("a row was there twice")
		}
		left, leave := context.WithCancel(t.Context())
		leave()
		if _, err := db.ExecContext(left, insert, 100); err == nil {
			t.Fatal("something was done for who had left")
		}
		if _, err := db.Exec(`ALTER TABLE rows ADD COLUMN more` + fmt.Sprint(want) + ` TEXT`); err != nil {
			t.Fatal(err)
		}
		want++
		if _, err := db.Exec(`INSERT INTO rows (n) VALUES ($1)`, want); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRow(count).Scan(&n); err != nil || n != want {
			t.Fatalf("%d rows, %v; want %d", n, err, want)
		}
	}
	if _, err := db.Exec(`DROP TABLE rows`); err != nil {
		t.Errorf("a statement that was kept holds the table: %v", err)
	}
}

// TestFewStatementsAreKept, however many texts there are.
func TestFewStatementsAreKept(t *testing.T) {
	db := openKeeping(t)
	for i := range 3 * maxPrepared {
		var n int
		if err := db.QueryRow(fmt.Sprintf(`SELECT count(*) + %d FROM rows`, i)).Scan(&n); err != nil || n != 3+i {
			t.Fatal(n, err)
		}
	}
	if n := idleStatements(t, db); n != maxPrepared {
		t.Errorf("%d statements are kept, not %d", n, maxPrepared)
	}
}

// TestListsAreRounded to few lengths, and say the same.
func TestListsAreRounded(t *testing.T) {
	lengths := map[int]bool{}
	for n := 1; n <= 59; n++ {
		values := make([]any, n)
		for i := range values {
			values[i] = i
		}
		all := rounded(values, 59)
		lengths[len(all)] = true
		for i, v := range all {
			if v != min(i, n-1) {
				t.Fatalf("%d: %v", n, all)
			}
		}
		if len(values) != n || len(all) > 59 {
			t.Fatalf("%d became %d", n, len(all))
		}
	}
	if len(lengths) != 7 {
		t.Errorf("%v", lengths)
	}
}
