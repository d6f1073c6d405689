// A program in the layout of Skywire's command line: `config gen -o FILE` makes a file.
package main

import (
	"fmt"
	"os"

	"example.org/skywire/pkg/sum"
)

func main() {
	if len(os.Args) == 5 && os.Args[3] == "-o" {
		if err := os.WriteFile(os.Args[4], []byte("{}\n"), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Printf("cli %.1f %q\n", sum.Halves(), os.Args[1:])
}
