module github.com/libelect/libelect/go/examples

go 1.21

require (
	github.com/google/wire v0.6.0
	github.com/libelect/libelect/go v0.1.0
	github.com/libelect/libelect/go/electprom v0.1.0
	github.com/libelect/libelect/go/electredis v0.1.0
	github.com/prometheus/client_golang v1.19.1
	github.com/redis/go-redis/v9 v9.7.3
	go.uber.org/zap v1.27.0
	go.uber.org/zap/exp v0.3.0
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.2.0 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
	github.com/prometheus/client_model v0.5.0 // indirect
	github.com/prometheus/common v0.48.0 // indirect
	github.com/prometheus/procfs v0.12.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	golang.org/x/sys v0.17.0 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)

replace github.com/libelect/libelect/go => ../

replace github.com/libelect/libelect/go/electprom => ../electprom

replace github.com/libelect/libelect/go/electredis => ../electredis
