module example.com/app

go 1.21

require github.com/libelect/libelect/go v0.0.0
