module github.com/libelect/libelect/go/movingover

go 1.21

require (
	github.com/heyvito/go-leader v0.1.0
	github.com/libelect/libelect/go v0.1.0
	github.com/libelect/libelect/go/electredis v0.1.0
	github.com/libelect/libelect/go/leaderelection v0.1.0
	github.com/redis/go-redis/v9 v9.7.3
	go.uber.org/zap v1.27.0
	go.uber.org/zap/exp v0.3.0
)

require (
	github.com/cespare/xxhash/v2 v2.2.0 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
	go.uber.org/multierr v1.10.0 // indirect
)

replace (
	github.com/libelect/libelect/go => ../
	github.com/libelect/libelect/go/electredis => ../electredis
	github.com/libelect/libelect/go/leaderelection => ../leaderelection
)
