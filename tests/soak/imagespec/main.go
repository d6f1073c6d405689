// Validates image documents against the schemas of the OCI image specification, and names the invalid ones.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/opencontainers/image-spec/schema"
)

type document struct {
	Name      string
	MediaType string
	Content   string
}

// Reads a JSON list of documents from standard input.
func main() {
	var documents []document
	if err := json.NewDecoder(os.Stdin).Decode(&documents); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	code := 0
	for _, one := range documents {
		if err := schema.Validator(one.MediaType).Validate(bytes.NewBufferString(one.Content)); err != nil {
			fmt.Printf("%s: %v\n", one.Name, err)
			code = 1
		}
	}
	os.Exit(code)
}
