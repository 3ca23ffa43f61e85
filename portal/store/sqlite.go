package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// openSQLite opens a file with one connection that writes and several that read.
func openSQLite(ctx context.Context, path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// SQLite would make it readable for everybody; its -wal and -shm files take over what this one has.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the database can't be opened: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	writers, err := openConnections(sqliteAddress(path, url.Values{
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)"},
		"_txlock": {"immediate"},
	}))
	if err != nil {
		return nil, err
	}
	writers.SetMaxOpenConns(1)
	readers, err := openConnections(sqliteAddress(path, url.Values{
		"_pragma": {"busy_timeout(10000)", "query_only(1)"},
	}))
	if err != nil {
		writers.Close()
		return nil, err
	}
	n := max(4, 2*runtime.GOMAXPROCS(0))
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	// The first connection turns the write-ahead log on, before anybody reads.
	if err := writers.PingContext(ctx); err != nil {
		writers.Close()
		readers.Close()
		return nil, fmt.Errorf("the database %s can't be opened: %w", path, err)
	}
	w := newWriter(writers)
	return &DB{
		speech: speechOfSQLite, readers: readers, write: w.write, writeOnce: w.writeOnce, dialect: goose.DialectSQLite3, writers: writers,
		close: func() error {
			w.stop()
			return errors.Join(readers.Close(), writers.Close())
		},
	}, nil
}

func openConnections(address string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(address)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparing{connector}), nil
}

func sqliteAddress(path string, parameters url.Values) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + parameters.Encode()
}

// writer is the one that writes to a SQLite file. A commit waits for the disk for as long as hundreds of small
// writes take; so what came in meanwhile is written together and waits once (group commit). Nobody is told that it
// succeeded before the commit that carries it did.
type writer struct {
	db    *sql.DB
	queue chan *job
	done  chan struct{} // closed when run has ended

	mu      sync.RWMutex // queue is closed under it
	stopped bool
}

// job is one transaction that waits its turn.
type job struct {
	ctx    context.Context
	do     func(*tx) error
	once   bool // only one statement in it writes
	result chan error
}

// maxGroup bounds how much is lost to a retry when a commit fails.
const maxGroup = 256

func newWriter(db *sql.DB) *writer {
	w := &writer{db: db, queue: make(chan *job, maxGroup), done: make(chan struct{})}
	go w.run()
	return w
}

var errClosed = errors.New("the database has been closed")

// write hands a transaction in and waits for its outcome. Once it has begun, it can't be cancelled: SQLite would
// roll back everybody else's in the same group.
func (w *writer) write(ctx context.Context, do func(*tx) error) error {
	return w.await(&job{ctx: ctx, do: do, result: make(chan error, 1)})
}

// writeOnce is write without a savepoint: SQLite takes back a statement that fails by itself.
func (w *writer) writeOnce(ctx context.Context, do func(*tx) error) error {
	return w.await(&job{ctx: ctx, do: do, once: true, result: make(chan error, 1)})
}

func (w *writer) await(j *job) error {
	if err := w.hand(j); err != nil {
		return fault(err)
	}
	return fault(<-j.result)
}

func (w *writer) hand(j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.stopped {
		return errClosed
	}
	select {
	case w.queue <- j:
		return nil
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
}

// stop lets finish what was handed in.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.stopped {
		w.stopped = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for j := range w.queue {
		group := append(make([]*job, 0, maxGroup), j)
		for more := true; more && len(group) < maxGroup; {
			select {
			case next, ok := <-w.queue:
				if more = ok; ok {
					group = append(group, next)
				}
			default:
				more = false
			}
		}
		w.commit(group)
	}
}

// commit writes a group. A job that fails takes nothing but itself back; a commit that fails, everything.
func (w *writer) commit(group []*job) {
	outcomes := make([]error, len(group))
	err := w.inTransaction(func(ctx context.Context, conn *sql.Conn) error {
		for i, j := range group {
			var broken error
			if outcomes[i], broken = j.run(ctx, conn, len(group) == 1); broken != nil {
				return broken
			}
		}
		return nil
	})
	for i, j := range group {
		if err != nil {
			outcomes[i] = err
		}
		j.result <- outcomes[i]
	}
}

// run does a job, inside a savepoint if it needs one: a job that is alone in its group takes back what it did with the transaction. broken means that the whole transaction is.
func (j *job) run(ctx context.Context, conn *sql.Conn, alone bool) (outcome, broken error) {
	if err := j.ctx.Err(); err != nil {
		return err, nil // whoever asked has left
	}
	t := &tx{speech: speechOfSQLite, ctx: context.WithoutCancel(j.ctx), on: conn}
	if j.once {
		return j.do(t), nil
	}
	if alone {
		return nil, j.do(t)
	}
	if _, err := conn.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return nil, err
	}
	if outcome = j.do(t); outcome != nil {
		// When SQLite has already rolled everything back (disk full, input/output error), there is no such savepoint any more.
		if _, err := conn.ExecContext(ctx, "ROLLBACK TO job"); err != nil {
			return nil, errors.Join(outcome, err)
		}
	}
	_, broken = conn.ExecContext(ctx, "RELEASE job")
	return outcome, broken
}

// inTransaction commits what do did, or rolls it back.
func (w *writer) inTransaction(do func(context.Context, *sql.Conn) error) (err error) {
	ctx := context.Background()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if err = do(ctx, conn); err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		conn.ExecContext(ctx, "ROLLBACK") // an error says only that SQLite did so itself
	}
	return err
}
