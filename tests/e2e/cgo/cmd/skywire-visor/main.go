// A program in the layout of Skywire's visor: it prints its arguments, and waits for a signal.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"example.org/skywire/pkg/sum"
)

// Version, Commit and Branch are set by the linker.
var Version, Commit, Branch string

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT)
	folder, _ := os.Getwd()
	fmt.Printf("visor %s %s %s %.1f\n%q in %s\n", Version, Commit, Branch, sum.Halves(), os.Args[1:], folder)
	if err := os.WriteFile("state", nil, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-stop
	fmt.Println("closed")
}
