/* libelect for Go, by SWIG. The input is elect.h itself: what stands here says only how C types look in Go.
 *
 * Handles are interfaces (Elect_client), results through `**out` are addresses: var at uintptr; code = Client_open(o, &at);
 * then SwigcptrElect_client(at) is the handle. So a failure is 0 and not an interface that isn't nil. */
%module celect

%{
#include "elect.h"
#include "store.h"
%}

/* Without these, SWIG makes int of int32_t, and a -1 through a pointer arrives as 4294967295. */
%typemap(gotype) int32_t, const int32_t & "int32"
%typemap(gotype) uint32_t, const uint32_t & "uint32"
%typemap(gotype) uintptr_t "uintptr"
%typemap(gotype) enum SWIGTYPE "int32"
%typemap(gotype) int32_t * "*int32"
%typemap(gotype) int64_t * "*int64"
%typemap(gotype) uint64_t * "*uint64"

%typemap(gotype) elect_client_t **, elect_election_t **, elect_event_t **, elect_leader_t **, elect_op_t **, char **out "*uintptr"

/* A C string that is ours to free stays an address; String_at() reads it. As `char *` it would arrive as a copy. */
%typemap(gotype) char *string "uintptr"
%typemap(imtype) char *string "uintptr"
%typemap(goin) char *string "$result = $input"
%typemap(in) char *string "$1 = *(char **)&$input;"
%typemap(freearg) char *string ""

%nodefaultctor;
%nodefaultdtor;
struct elect_options {};
struct elect_client {};
struct elect_election {};
struct elect_event {};
struct elect_leader {};
struct elect_op {};

%rename("%(strip:[elect_])s", %$isfunction) "";

/* Variables they would become: constants.go has them. */
%rename("$ignore", %$isenumitem) "";
%rename("$ignore", %$isenum) "";
%ignore ELECT_VERSION_NUMBER;
%ignore ELECT_H;
%ignore ELECT_STORE_H;

#define ELECT_API
#define __attribute__(x)
%include <stdint.i>
%include <elect/elect.h>
%include <elect/store.h>

%inline %{
static const char *string_at(uintptr_t at)
{
    return (const char *)at;
}
%}
