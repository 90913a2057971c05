package elect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/libelect/libelect/go/internal/celect"
)

// Code is an error of libelect without its text. What methods return matches one of the constants by errors.Is.
type Code int32

const (
	ErrInvalid     Code = celect.ELECT_EINVAL       // a bad argument or option; the text names the rule
	ErrNoMemory    Code = celect.ELECT_ENOMEM       // no memory
	ErrTimeout     Code = celect.ELECT_ETIMEOUT     // no answer in time; what was asked for may go on
	ErrState       Code = celect.ELECT_ESTATE       // not now: started twice, somebody leads, or an observer would wait to lead
	ErrNotLeader   Code = celect.ELECT_ENOTLEADER   // this candidate does not lead, or not in this term
	ErrStore       Code = celect.ELECT_ESTORE       // the store refused, or can't be used
	ErrUnreachable Code = celect.ELECT_EUNREACHABLE // no connection now; libelect keeps trying
	ErrUnknown     Code = celect.ELECT_EUNKNOWN     // the write may or may not have been applied
	ErrForked      Code = celect.ELECT_EFORKED      // in a forked child
	ErrClosed      Code = celect.ELECT_ECLOSED      // the election was stopped, or its client closed
	ErrAuth        Code = celect.ELECT_EAUTH        // the store refused the credentials; Client.Update gives others
)

// ErrNoLeader says that nobody leads.
var ErrNoLeader = errors.New("elect: nobody leads")

// ErrUnsupported says that this is not Linux on amd64 or arm64. It matches errors.ErrUnsupported.
var ErrUnsupported = fmt.Errorf("elect: libelect is for Linux on amd64 and arm64: %w", errors.ErrUnsupported)

// Error is what libelect says of the code.
func (c Code) Error() string { return "elect: " + celect.Code_text(int32(c)) }

// Error is a Code and what the library has to say about it.
type Error struct {
	Code Code
	Text string
}

// Error is the text.
func (e *Error) Error() string { return "elect: " + e.Text }

// Unwrap is the Code, for errors.Is.
func (e *Error) Unwrap() error { return e.Code }

// explained is err, but of a bad argument it says which, and the rule.
func explained(err error, format string, argument any) error {
	if err == ErrInvalid {
		return &Error{ErrInvalid, fmt.Sprintf(format, argument)}
	}
	return err
}

func codeError(code int32) error {
	if code == celect.ELECT_OK {
		return nil
	}
	return Code(code)
}

// optionsError is what the call that took these options said.
func optionsError(code int32, options celect.Elect_options) error {
	if text := celect.Options_error(options); code != celect.ELECT_OK && text != "" {
		return &Error{Code(code), strings.ReplaceAll(text, "elect_client_open", "Open")}
	}
	return codeError(code)
}

// Reason is why a term ended.
type Reason int32

const (
	ReasonStopped     Reason = celect.ELECT_REASON_STOPPED
	ReasonResigned    Reason = celect.ELECT_REASON_RESIGNED    // asked to, or its own work failed
	ReasonUnreachable Reason = celect.ELECT_REASON_UNREACHABLE // no answer from the store until the lease ended
	ReasonPaused      Reason = celect.ELECT_REASON_PAUSED      // this process did not run past the end of its lease
	ReasonExpired     Reason = celect.ELECT_REASON_EXPIRED     // answers came, but too late
	ReasonTaken       Reason = celect.ELECT_REASON_TAKEN       // the store names somebody else
	ReasonDeleted     Reason = celect.ELECT_REASON_DELETED     // the record vanished
)

// String is the reason's name, as it is in the log and in metrics.
func (r Reason) String() string { return celect.Reason_name(int32(r)) }

// LostError is why a term's context ended: context.Cause of it. It matches ErrNotLeader.
type LostError struct {
	Epoch  uint64
	Reason Reason
}

// Error names the epoch and the reason.
func (e *LostError) Error() string {
	return fmt.Sprintf("elect: no longer leader of epoch %d: %s", e.Epoch, e.Reason)
}

// Is has every LostError match ErrNotLeader.
func (e *LostError) Is(target error) bool { return target == ErrNotLeader }
