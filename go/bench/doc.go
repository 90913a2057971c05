// Package bench measures package elect beside plain calls of C and beside other libraries. It is for benchmarks only.
package bench
