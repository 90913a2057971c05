package elect

import (
	"encoding/json"

	"github.com/libelect/libelect/go/internal/celect"
)

// OptionFields are the tags of Config's fields.
func OptionFields() map[string]bool {
	names := map[string]bool{}
	for _, field := range (&Config{}).fields() {
		names[field.name] = true
	}
	return names
}

// An OptionRow is what libelect says of an option.
type OptionRow struct {
	Name, Kind, Words, Default, Min, Max, Scope, Env, Help string
	Dynamic, Secret                                        bool
}

func OptionRows() (rows []OptionRow, err error) {
	return rows, json.Unmarshal([]byte(celect.Options_table()), &rows)
}

func CodeName(code Code) string { return celect.Code_name(int32(code)) }

// CodesEnd is below the last code there is.
func CodesEnd() Code {
	code := Code(-1)
	for celect.Code_name(int32(code)) != celect.Code_name(-1000) {
		code--
	}
	return code
}

// Begun says that an election stands, or stood.
func Begun(e *Election) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unhook != nil
}

// Leading says that a term was won whose end was not read yet.
func Leading(e *Election) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.term != nil
}

// Occupy keeps an election's callbacks waiting until the function that it answers is called.
func Occupy(e *Election) func() {
	held := make(chan struct{})
	e.worker.add(e.client, func() { <-held })
	return func() { close(held) }
}

const CallsAtOnce = callsAtOnce
