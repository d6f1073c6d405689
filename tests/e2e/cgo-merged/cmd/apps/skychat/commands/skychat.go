// Package commands is an app that the merged program takes in.
package commands

import "fmt"

// Run is the app.
func Run() { fmt.Println("skychat") }
