// A program in the layout of Skywire from v1.3.19 on: visor, command line and apps in one.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"example.org/skywire/cmd/apps/skychat/commands"
	"example.org/skywire/pkg/sum"
)

func main() {
	switch os.Args[1] {
	case "app":
		commands.Run()
	case "cli":
		fmt.Printf("cli %.1f %q\n", sum.Halves(), os.Args[2:])
	case "visor":
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGINT)
		fmt.Printf("visor %q\n", os.Args[2:])
		<-stop
		fmt.Println("closed")
	}
}
