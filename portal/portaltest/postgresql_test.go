package portaltest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"valise/portal/portaltest"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

func TestEachDatabaseIsFreshAndEmpty(t *testing.T) {
	for range 2 { // the second one would see the table of the first
		conn := connect(t, portaltest.PostgreSQL(t))
		var tables int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil {
			t.Fatal(err)
		}
		if tables != 0 {
			t.Errorf("a fresh database has %d tables", tables)
		}
		if _, err := conn.Exec(t.Context(), "CREATE TABLE notices (n BIGINT)"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyTheDurableServerWaitsForTheDisk(t *testing.T) {
	for _, server := range []struct{ name, dsn, want string }{
		{"PostgreSQL", portaltest.PostgreSQL(t), "off"},
		{"DurablePostgreSQL", portaltest.DurablePostgreSQL(t), "on"},
	} {
		conn := connect(t, server.dsn)
		for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			var value string
			if err := conn.QueryRow(t.Context(), "SHOW "+setting).Scan(&value); err != nil {
				t.Fatal(err)
			}
			if value != server.want {
				t.Errorf("%s: %s is %s, want %s", server.name, setting, value, server.want)
			}
		}
	}
}

func TestPostgreSQLComesBackAfterAKill(t *testing.T) {
	server := portaltest.StartPostgreSQL(t)
	for i := range 3 {
		conn := connect(t, server.DSN)
		if i == 0 {
			if _, err := conn.Exec(t.Context(), "CREATE TABLE kept (n INT)"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := conn.Exec(t.Context(), "INSERT INTO kept VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		server.Kill()
		if err := conn.Ping(t.Context()); err == nil {
			t.Error("a killed server answers")
		}
		server.Start()
	}
	var n int
	if err := connect(t, server.DSN).QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&n); err != nil || n != 3 {
		t.Errorf("%d rows are there (%v), 3 were confirmed", n, err)
	}
}
