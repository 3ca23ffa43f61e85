package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"valise/crypto"
	"valise/portal"
	"valise/portal/api"
	"valise/portal/dispatch"
)

// getDashboard says how far a notice has come: all of it, or what changed since a cursor.
func (s *server) getDashboard(w http.ResponseWriter, r *http.Request) error {
	n, err := pathNotice(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	var since time.Time
	if cursor := query.Get("since"); cursor != "" {
		at, err := strconv.ParseInt(cursor, 10, 64)
		if err != nil || at <= 0 {
			return portal.Errorf(portal.Invalid, "invalid-cursor", "\"since\" is the cursor of an answer before. Without it, everything is there.")
		}
		since = time.UnixMicro(at)
	}
	var after crypto.Number
	if text := query.Get("after"); text != "" {
		if after, err = crypto.ParseNumber(text); err != nil || !after.Kind().Mailbox() {
			return portal.Errorf(portal.Invalid, "invalid-number", "\"after\" is a mailbox's number: \"next\" of the answer before.")
		}
	}
	b, err := s.Dispatch.Dashboard(r.Context(), visitOf(r).actor, n, since, after)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, wireDashboard(b))
}

func wireDashboard(b *dispatch.Dashboard) api.Dashboard {
	d := api.Dashboard{
		Notice: b.Notice.Number, Acknowledge: b.Manifest.Acknowledge, Released: wireTime(b.Notice.ReleasedAt), Deadline: wireTimeOrNull(b.Manifest.Deadline), Now: wireTime(b.Now),
		Tally: wireTally(b.Tally, b.Overdue),
		Curve: api.Curve{From: wireTime(b.Notice.ReleasedAt), To: wireTime(b.Curve[len(b.Curve)-1].At)},
		Whole: b.Since.IsZero(), Lines: make([]api.DashboardLine, len(b.Lines)), Next: b.Next, Cursor: strconv.FormatInt(b.Cursor.UnixMicro(), 10),
	}
	for _, part := range tallyBar(b.Tally, b.Manifest.Acknowledge, b.Overdue) {
		d.Bar = append(d.Bar, api.BarPart{State: part.State, Count: part.Count})
	}
	for _, p := range b.Curve {
		d.Curve.Opened = append(d.Curve.Opened, p.Opened)
		d.Curve.Acknowledged = append(d.Curve.Acknowledged, p.Acknowledged)
		d.Curve.Refused = append(d.Curve.Refused, p.Refused)
	}
	for i, m := range b.Lines {
		line := api.DashboardLine{Mailbox: m.Mailbox, Late: b.Late(m), Unreachable: m.Unreachable()}
		line.State, line.By, line.At = progressOf(m)
		line.At = line.At.Truncate(time.Millisecond) // finer than elsewhere: lists are sorted by it
		line.Reminded = wireTimeOrNull(m.RemindedAt)
		if e := m.Reach; e != nil {
			line.Reach = &api.Reach{Kind: e.Kind, Via: e.Via, At: wireTime(e.At)}
		}
		d.Lines[i] = line
	}
	return d
}

func wireTally(t portal.NoticeTally, overdue int) api.DashboardTally {
	return api.DashboardTally{Mailboxes: t.Mailboxes, Opened: t.Opened, Acknowledged: t.Acknowledged, Refused: t.Refused, Overdue: overdue, Unreachable: t.Unreachable}
}

// progressOf is where a mailbox stands, by whom, and since when.
func progressOf(m portal.MailboxStatus) (state, by string, at time.Time) {
	switch a := m.Acknowledgement; {
	case a != nil:
		return string(a.Decision), a.Representative.String(), a.ReceivedAt.UTC()
	case !m.OpenedAt.IsZero():
		return "opened", "", m.OpenedAt.UTC()
	}
	return "delivered", "", m.DeliveredAt.UTC()
}

// ------------------------------------------------------------------ the page

// dashboardPart is what the page of a released notice shows above its lines.
type dashboardPart struct {
	Tally portal.NoticeTally
	Bar   []barPart
	Curve curve
	Pages pageLinks
}

// progressRow is what the template "dashboard-line" gets.
type progressRow struct {
	View *view
	Line progressLine
}

// Notice is whose line it is.
func (r progressRow) Notice() crypto.Number { return r.Line.Told.Notice }

// Blank is the form of a line, which the script fills in.
func (p dispatchNoticePage) Blank() progressLine {
	return progressLine{State: "delivered", Told: mailboxTold{Notice: p.Number, May: p.Chasing.May, Awaited: true}}
}

// States, Kinds and Orders are what the list can be asked for; keys of messages.
func (p dispatchNoticePage) States() []string {
	states := []string{"delivered", "opened"}
	if p.Asks {
		states = append(states, "acknowledged", "refused", "late")
	}
	return append(states, "unreachable")
}

// Kinds are those of mailboxes.
func (dispatchNoticePage) Kinds() []string { return []string{"S", "O", "I"} }

// Orders are what the list can be sorted by, the first one to begin with.
func (dispatchNoticePage) Orders() []string { return []string{"urgent", "newest", "name", "number"} }

// pageLinks lead through a long list.
type pageLinks struct {
	First, Last, All int    // the lines that are shown, of how many
	Newer, Next      string // addresses; "" for none
}

// linesOnPage is how many lines a page has that was made by the server. A script shows more, found and sorted.
const linesOnPage = 200

// dashboard reads all of a notice's dashboard.
func (s *server) dashboard(ctx context.Context, actor portal.Actor, n crypto.Number) (*dispatch.Dashboard, error) {
	b, err := s.Dispatch.Dashboard(ctx, actor, n, time.Time{}, "")
	if err != nil {
		return nil, err
	}
	for b.Next != "" {
		more, err := s.Dispatch.Dashboard(ctx, actor, n, time.Time{}, b.Next)
		if err != nil {
			return nil, err
		}
		b.Lines, b.Next = append(b.Lines, more.Lines...), more.Next
	}
	return b, nil
}

// linesOf is a page of the lines, those first that somebody must reach, then the others that are late.
func linesOf(b *dispatch.Dashboard, skip int) (lines []progressLine, pages pageLinks) {
	rank := func(l progressLine) int {
		switch {
		case l.Unreachable:
			return 0
		case l.Late:
			return 1
		}
		return 2
	}
	all := make([]progressLine, len(b.Lines))
	for i, m := range b.Lines {
		all[i] = progressLine{Mailbox: m.Mailbox, Late: b.Late(m), Unreachable: m.Unreachable()}
		all[i].State, all[i].By, all[i].At = progressOf(m)
	}
	slices.SortStableFunc(all, func(x, y progressLine) int { return rank(x) - rank(y) })
	if skip >= len(all) {
		skip = 0
	}
	end := min(skip+linesOnPage, len(all))
	pages = pageLinks{First: skip + 1, Last: end, All: len(all)}
	at := func(skip int) string { return fmt.Sprintf("%s/%s?from=%d#lines", noticesPath, b.Notice.Number, skip) }
	if skip > 0 {
		pages.Newer = at(max(0, skip-linesOnPage))
	}
	if end < len(all) {
		pages.Next = at(end)
	}
	return all[skip:end], pages
}

// curve is a drawing of how a notice came along: 200 wide, 100 high.
type curve struct {
	From, To     time.Time
	Opened       string  // outlines of areas, in the words of SVG
	Acknowledged string  //
	Deadline     float64 // where it stands, from the left; negative: not in the drawing
	Rows         []curveRow
}

// curveRow is a line of the table that says the same in words.
type curveRow struct {
	At                            time.Time
	Opened, Acknowledged, Refused int
}

const (
	curveWidth, curveHeight = 200, 100

	curveRows = 8 // of the table
)

func drawCurve(b *dispatch.Dashboard) curve {
	end := b.Curve[len(b.Curve)-1].At
	c := curve{
		From: b.Notice.ReleasedAt.UTC(), To: end.UTC(), Deadline: -1,
		Opened:       outline(b.Curve, b.Tally.Mailboxes, func(p portal.ProgressPoint) int { return p.Opened }),
		Acknowledged: outline(b.Curve, b.Tally.Mailboxes, func(p portal.ProgressPoint) int { return p.Acknowledged }),
	}
	if deadline := b.Manifest.Deadline; !deadline.IsZero() && deadline.Before(end) && deadline.After(c.From) {
		c.Deadline = curveWidth * float64(deadline.Sub(c.From)) / float64(end.Sub(c.From))
	}
	for i := range curveRows {
		p := b.Curve[(i+1)*len(b.Curve)/curveRows-1]
		c.Rows = append(c.Rows, curveRow{p.At.UTC(), p.Opened, p.Acknowledged, p.Refused})
	}
	return c
}

// outline is the area under a curve that climbs in steps.
func outline(points []portal.ProgressPoint, all int, count func(portal.ProgressPoint) int) string {
	var d strings.Builder
	fmt.Fprintf(&d, "M0 %d", curveHeight)
	last := 0
	for i, p := range points {
		if n := count(p); n != last {
			fmt.Fprintf(&d, "H%sV%s", decimal(float64(i)*curveWidth/float64(len(points))), decimal(curveHeight-curveHeight*float64(n)/float64(max(all, 1))))
			last = n
		}
	}
	fmt.Fprintf(&d, "H%dV%dZ", curveWidth, curveHeight)
	return d.String()
}

func decimal(f float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
}
