// abi-gate fails an image's build if a program of the image would not run on the variant's platform.
//
//	abi-gate -platform linux/arm/v6 -base /base -link static /out
//
// It reads the ELF files in the given folders and in the base: class, machine, float ABI, CPU attributes
// and Go's build information must fit the platform. With -link static no program may need a dynamic
// linker; with -link dynamic the linker and every library must be in a given folder or in the base.
// BuildKit records the requested platform, not that of the programs or of the base
// (moby/buildkit#5677), so only the programs themselves show a mismatch.
package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const mostFaults = 10

// Gate checks the roots that make up one image: the base, and the folders that are copied onto it.
type Gate struct {
	platform string
	abi      ABI
	static   bool
	base     string
	roots    []string
	programs int
	faults   []string
}

func main() {
	platform := flag.String("platform", "", "OCI platform of the variant")
	base := flag.String("base", "", "root of the base image; empty: there is none")
	link := flag.String("link", "static", "static: no program may need a dynamic linker; dynamic: the base must have it")
	// docker-build's provider closes its pipe as soon as a build has failed, which loses the last lines.
	wait := flag.Duration("wait", 0, "time between saying what is wrong and ending")
	flag.Parse()
	gate, err := newGate(*platform, *base, *link, flag.Args())
	if err == nil {
		err = gate.check()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "abi-gate:", err)
		time.Sleep(*wait)
		os.Exit(1)
	}
	fmt.Printf("abi-gate: %d programs fit %s\n", gate.programs, *platform)
}

func newGate(platform, base, link string, roots []string) (*Gate, error) {
	abi, err := abiOf(platform)
	if err != nil {
		return nil, err
	}
	if link != "static" && link != "dynamic" {
		return nil, fmt.Errorf("link: %q; allowed are static, dynamic", link)
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("no folder to look at")
	}
	return &Gate{platform: platform, abi: abi, static: link == "static", base: base, roots: roots}, nil
}

// check reads all files, and returns all faults at once.
func (gate *Gate) check() error {
	for _, root := range gate.roots {
		if err := gate.walk(root, ""); err != nil {
			return err
		}
	}
	if gate.programs == 0 {
		return fmt.Errorf("no program in %s", strings.Join(gate.roots, ", "))
	}
	if gate.base != "" {
		if err := gate.walk(gate.base, "the base's "); err != nil {
			return err
		}
	}
	if len(gate.faults) == 0 {
		return nil
	}
	return fmt.Errorf("not what %s takes:\n  - %s", gate.platform, strings.Join(gate.faults, "\n  - "))
}

func (gate *Gate) walk(root, whose string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		fault, err := gate.checkFile(path, whose != "")
		if fault != "" && len(gate.faults) < mostFaults {
			inImage := "/" + strings.TrimPrefix(path[len(root):], "/")
			gate.faults = append(gate.faults, whose+inImage+" "+fault)
		}
		return err
	})
}

func (gate *Gate) checkFile(path string, inBase bool) (string, error) {
	content, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer content.Close()
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := io.ReadFull(content, magic); err != nil || !bytes.Equal(magic, []byte(elf.ELFMAG)) {
		return "", nil
	}
	gate.programs++
	file, err := elf.NewFile(content)
	if err != nil {
		return fmt.Sprintf("is a damaged ELF file: %v", err), nil
	}
	flags, err := headerFlags(content, file)
	if err != nil {
		return fmt.Sprintf("is a damaged ELF file: %v", err), nil
	}
	if fault := headerFault(file, flags, gate.platform, gate.abi, inBase); fault != "" {
		return fault, nil
	}
	if fault := goFault(content, gate.platform, gate.abi); fault != "" {
		return fault, nil
	}
	if inBase {
		return "", nil // its libraries were looked at when it was built
	}
	return gate.linkFault(file)
}

// headerFlags returns e_flags, which debug/elf does not keep.
func headerFlags(content io.ReaderAt, file *elf.File) (uint32, error) {
	at := map[elf.Class]int64{elf.ELFCLASS32: 36, elf.ELFCLASS64: 48}[file.Class]
	flags := make([]byte, 4)
	_, err := content.ReadAt(flags, at)
	return binary.LittleEndian.Uint32(flags), err
}

// goFault checks the build information of a Go program: statically linked ones have no ARM attributes.
func goFault(content io.ReaderAt, platform string, abi ABI) string {
	if abi.GOARM == 0 {
		return ""
	}
	info, err := buildinfo.Read(content)
	if err != nil {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key != "GOARM" {
			continue
		}
		number, _, _ := strings.Cut(setting.Value, ",")
		if goarm, err := strconv.Atoi(number); err != nil || goarm > abi.GOARM {
			return fmt.Sprintf("is compiled for GOARM=%s; %s takes up to %d", setting.Value, platform, abi.GOARM)
		}
	}
	return ""
}

// linkFault checks the dynamic linker and the libraries that a file needs.
func (gate *Gate) linkFault(file *elf.File) (string, error) {
	interpreter, err := interpreterOf(file)
	if err != nil {
		return fmt.Sprintf("has an interpreter that can't be read: %v", err), nil
	}
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return fmt.Sprintf("has libraries that can't be read: %v", err), nil
	}
	if gate.static && (interpreter != "" || len(libraries) > 0) {
		return fmt.Sprintf("is linked dynamically (%s); this image takes static programs only",
			strings.Join(append(libraries, interpreter), ", ")), nil
	}
	if interpreter != "" && !gate.has(interpreter) {
		return fmt.Sprintf("asks for the dynamic linker %s, which the base lacks", interpreter), nil
	}
	for _, library := range libraries {
		if !gate.hasLibrary(library) {
			return fmt.Sprintf("needs the library %s, which the base lacks", library), nil
		}
	}
	return "", nil
}

func interpreterOf(file *elf.File) (string, error) {
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			text, err := io.ReadAll(segment.Open())
			return strings.TrimRight(string(text), "\x00"), err
		}
	}
	return "", nil
}
