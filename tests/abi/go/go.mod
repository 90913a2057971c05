module abi

go 1.19
