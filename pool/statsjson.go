package pool

import "encoding/json"

// StatsVersion is the Version of a Stats as JSON. It changes if a name there is lost, or
// means something else; new names may come without.
const StatsVersion = 1

// MarshalJSON implements json.Marshaler: an object with a Version, StatsVersion, and the fields,
// those of Counters beside the others, all by their names in Go. Times are in
// nanoseconds. The command poolbudget reads it.
func (s Stats) MarshalJSON() ([]byte, error) {
	type fields Stats // without this method
	return json.Marshal(struct {
		Version int
		fields
	}{StatsVersion, fields(s)})
}
