module github.com/skycoin/infrastructure/images/go-module/abi-gate

go 1.26.0
