// An app of the visor, without C of its own.
package main

import "fmt"

func main() { fmt.Println("skychat") }
