module gocandidate

go 1.21

require github.com/libelect/libelect/go v0.0.0

replace github.com/libelect/libelect/go => ../../../go
