module zip

go 1.25

require golang.org/x/mod v0.27.0
