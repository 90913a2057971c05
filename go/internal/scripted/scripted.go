// Package scripted lets package electtest do what only package elect can. Its functions are package elect's; a client is an
// *elect.Client that was opened with memory:?clock=manual. They return when all that follows at the time of its clock has
// happened: events were read, and callbacks have returned; or with an error when something has not within limit of real time.
package scripted

import "time"

// Command does what elect_memory_command of store.h says, but for advance.
var Command func(client any, command string, limit time.Duration) error

// Advance moves the clock. Callbacks have returned before it is a tenth of a lease later.
var Advance func(client any, by, limit time.Duration) error
