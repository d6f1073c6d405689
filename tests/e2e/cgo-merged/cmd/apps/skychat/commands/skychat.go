// Package commands is an app that is part of the merged program.
package commands

import "fmt"

// Run is the app.
func Run() { fmt.Println("skychat") }
