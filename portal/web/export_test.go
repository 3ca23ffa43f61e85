package web

// Door is which kind of visitor a row of the route table lets in.
type Door = access

const (
	Anyone         = anyone
	Begun          = begun
	HalfStaff      = halfStaff
	AnySession     = anySession
	Representative = representative
	Claimed        = claimed
	ClaimedOrStaff = claimedOrStaff
	Staff          = staff
)

// Routes returns the route table: patterns and their doors.
func Routes() map[string]Door {
	doors := make(map[string]Door)
	for _, row := range new(server).routes() {
		doors[row.pattern] = row.access
	}
	return doors
}
