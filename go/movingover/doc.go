// Package movingover is the code of docs/moving-over-go.md and its pages: what is said there compiles, and what is ours in it runs.
package movingover
