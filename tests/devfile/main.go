// Reads devfiles as devfile's own tools do, and says what it found, or why they are none.
package main

import (
	"fmt"
	"os"

	"github.com/devfile/library/v2/pkg/devfile"
	"github.com/devfile/library/v2/pkg/devfile/parser"
	"github.com/devfile/library/v2/pkg/devfile/parser/data/v2/common"
)

func main() {
	asIs := false // No parent is fetched, no cluster is asked.
	for _, path := range os.Args[1:] {
		found, _, err := devfile.ParseDevfileAndValidate(parser.ParserArgs{Path: path, FlattenedDevfile: &asIs})
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
		components, err := found.Data.GetComponents(common.DevfileOptions{})
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
		fmt.Printf("%s %s: %d components\n", found.Data.GetSchemaVersion(), found.Data.GetMetadata().Name, len(components))
	}
}
