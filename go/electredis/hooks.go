package electredis

import (
	"reflect"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/redis/go-redis/v9"
)

// observers are go-redis' own packages whose hooks watch and change nothing.
const observers = "github.com/redis/go-redis/extra/"

// checkHooks refuses a client with hooks, which may dial elsewhere or change what is sent: a key with a prefix is another lock.
func checkHooks(client *redis.Client) error {
	hooks := hooksOf(client)
	for i := 0; hooks.Kind() == reflect.Slice && i < hooks.Len(); i++ {
		kind := hooks.Index(i).Elem().Type()
		named := kind
		if kind.Kind() == reflect.Pointer {
			named = kind.Elem()
		}
		if !strings.HasPrefix(named.PkgPath(), observers) {
			return refuse("redis.Client.AddHook(%v): libelect's connection has no hooks; where yours only watches, "+
				"give redis.NewClient(client.Options())", kind)
		}
	}
	return nil
}

// hooksOf is the client's list of hooks, which go-redis doesn't tell: hooksMixin.slice, or that of what hooksMixin.state
// points to, an atomic.Pointer, in newer versions. In one that keeps them elsewhere none can be seen.
func hooksOf(client *redis.Client) reflect.Value {
	mixin := reflect.ValueOf(client).Elem().FieldByName("hooksMixin")
	if mixin.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	if slice := mixin.FieldByName("slice"); slice.IsValid() {
		return slice
	}
	state := mixin.FieldByName("state")
	if state.Kind() != reflect.Pointer || state.IsNil() {
		return reflect.Value{}
	}
	load, ok := state.Type().MethodByName("Load")
	pointer := state.Elem().FieldByName("v")
	if !ok || load.Type.NumOut() != 1 || pointer.Kind() != reflect.UnsafePointer {
		return reflect.Value{}
	}
	at := atomic.LoadPointer((*unsafe.Pointer)(unsafe.Pointer(pointer.UnsafeAddr())))
	if of := load.Type.Out(0); at != nil && of.Kind() == reflect.Pointer && of.Elem().Kind() == reflect.Struct {
		return reflect.NewAt(of.Elem(), at).Elem().FieldByName("slice")
	}
	return reflect.Value{}
}
