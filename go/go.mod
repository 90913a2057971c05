module github.com/libelect/libelect/go

go 1.21
