package ceremony

import "errors"

// Reason is why something does not hold, or can't be done, by a word besides the sentence: a page has the same in its reader's language under that word.
type Reason struct {
	Word string
	error
}

func (r *Reason) Unwrap() error { return r.error }

func because(word string, err error) error { return &Reason{word, err} }

// ReasonOf is the word of an error; "" when it has none.
func ReasonOf(err error) string {
	if r, ok := errors.AsType[*Reason](err); ok {
		return r.Word
	}
	return ""
}
