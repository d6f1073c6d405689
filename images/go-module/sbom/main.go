// Command sbom writes a CycloneDX SBOM for each given Go program, from the build information that the Go
// linker put into the program. Equal programs give equal bytes on every machine (docs/adr/0008). With
// -image it also writes an SBOM of everything else in the image (others.go).
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// property is the prefix of cyclonedx-gomod's registered property names.
const property = "cdx:gomod:"

// told has the facts that a program does not contain.
type told struct {
	// version is needed for a working copy; that of a module must be the linked one.
	version string
	commit  string
	// epoch is SOURCE_DATE_EPOCH; empty or 0 if the source has no date.
	epoch string
	// patches is a folder of what was applied to the module; empty, or missing, if nothing was.
	patches string
}

func main() {
	var given told
	folder := flag.String("folder", ".", "where to write the files, PROGRAM.cdx.json")
	flag.StringVar(&given.version, "version", "", "version of the program, without v")
	flag.StringVar(&given.commit, "commit", "", "commit of the program's source")
	flag.StringVar(&given.epoch, "epoch", "", "date of the source, in seconds")
	flag.StringVar(&given.patches, "patches", "", "folder of the patches that the program's module got, NAME.patch")
	var image image
	flag.StringVar(&image.name, "image", "", "name of the image: also write image.cdx.json")
	flag.StringVar(&image.base, "base", "", "root of the image under it, in which busybox is looked for")
	flag.StringVar(&image.builder, "builder", "/", "root of the Debian that the certificates are of")
	flag.StringVar(&image.gui, "gui", "", "path of the web interface in the first program's module")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := errors.Join(writeAll(flag.Args(), given, *folder), image.write(flag.Arg(0), given, *folder)); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func writeAll(programs []string, given told, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, program := range programs {
		if err := write(program, given, folder); err != nil {
			return fmt.Errorf("%s: %w", program, err)
		}
	}
	return nil
}

func write(program string, given told, folder string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	subject, err := application(info, given)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(content)
	subject.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}}
	components, err := libraries(info)
	if err != nil {
		return err
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Component:  subject,
		Properties: properties(info, filepath.Base(program), given.commit),
	}
	bom.Components = &components
	bom.Dependencies = dependencies(subject, components)
	return save(bom, given, filepath.Join(folder, filepath.Base(program)+".cdx.json"))
}

func save(bom *cdx.BOM, given told, path string) error {
	timestamp, err := date(given.epoch)
	if err != nil {
		return err
	}
	bom.Metadata.Timestamp = timestamp
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	encoder := cdx.NewBOMEncoder(file, cdx.BOMFileFormatJSON).SetPretty(true)
	return errors.Join(encoder.EncodeVersion(bom, cdx.SpecVersion1_6), file.Close())
}

// application describes the program itself. A program of a working copy has no package URL, because a
// scanner would take it for the release. One of a patched module has: what is known of the release holds for it.
func application(info *debug.BuildInfo, given told) (*cdx.Component, error) {
	origin, err := pedigree(info, given.patches)
	if err != nil {
		return nil, err
	}
	// (devel) is the module in which the build started; a working copy in place of a module is a replacement, and
	// so is a patched module.
	if info.Main.Version != "(devel)" && (info.Main.Replace == nil || origin != nil) {
		if given.version != "" && "v"+given.version != info.Main.Version {
			return nil, fmt.Errorf("version %s is not the linked one, which is %s", given.version, info.Main.Version)
		}
		// In Go's build information, the package's path begins with that of its module.
		purl := packageURL(info.Main.Path, info.Main.Version)
		if path := below(info); path != "" {
			purl += "#" + path
		}
		return &cdx.Component{
			BOMRef:     purl,
			Type:       cdx.ComponentTypeApplication,
			Name:       info.Main.Path,
			Version:    info.Main.Version,
			PackageURL: purl,
			Pedigree:   origin,
		}, nil
	}
	if given.version == "" {
		return nil, errors.New("a working copy needs -version")
	}
	return &cdx.Component{
		BOMRef:  info.Path,
		Type:    cdx.ComponentTypeApplication,
		Name:    info.Main.Path,
		Version: given.version,
	}, nil
}

// pedigree names the release and the patches that the program's module is made of; nil if there are none.
func pedigree(info *debug.BuildInfo, folder string) (*cdx.Pedigree, error) {
	if folder == "" {
		return nil, nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.patch"))
	if err != nil || len(files) == 0 {
		return nil, err
	}
	var patches []cdx.Patch
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		diff := cdx.AttachedText{ContentType: "text/x-diff", Content: string(content)}
		patches = append(patches, cdx.Patch{Type: cdx.PatchTypeUnofficial, Diff: &cdx.Diff{Text: &diff}})
	}
	release := newLibrary(info.Main.Path, info.Main.Version)
	release.Scope = ""
	return &cdx.Pedigree{Ancestors: &[]cdx.Component{release}, Patches: &patches}, nil
}

func below(info *debug.BuildInfo) string {
	return strings.TrimPrefix(strings.TrimPrefix(info.Path, info.Main.Path), "/")
}

// libraries returns the linked modules in the linker's order, which is by path, and Go's own library.
func libraries(info *debug.BuildInfo) ([]cdx.Component, error) {
	var all []cdx.Component
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		library := newLibrary(module.Path, module.Version)
		if sum, isHash := strings.CutPrefix(module.Sum, "h1:"); isHash {
			digest, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", module.Path, err)
			}
			library.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest)}}
		}
		all = append(all, library)
	}
	// Vulnerability databases know Go's library by this name, and its versions without "go".
	return append(all, newLibrary("stdlib", strings.TrimPrefix(info.GoVersion, "go"))), nil
}

func newLibrary(path, version string) cdx.Component {
	purl := packageURL(path, version)
	return cdx.Component{
		BOMRef:     purl,
		Type:       cdx.ComponentTypeLibrary,
		Name:       path,
		Version:    version,
		Scope:      cdx.ScopeRequired,
		PackageURL: purl,
	}
}

func packageURL(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// dependencies returns those of the program only, because a program does not say which library needs which.
func dependencies(subject *cdx.Component, libraries []cdx.Component) *[]cdx.Dependency {
	var needs []string
	for _, library := range libraries {
		needs = append(needs, library.BOMRef)
	}
	return &[]cdx.Dependency{{Ref: subject.BOMRef, Dependencies: &needs}}
}

func properties(info *debug.BuildInfo, name, commit string) *[]cdx.Property {
	all := []cdx.Property{
		{Name: property + "binary:name", Value: name},
		{Name: property + "build:env:GOVERSION", Value: info.GoVersion},
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "CGO_ENABLED", "GOARCH", "GOARM", "GOOS":
			all = append(all, cdx.Property{Name: property + "build:env:" + setting.Key, Value: setting.Value})
		}
	}
	if commit != "" {
		all = append(all, cdx.Property{Name: property + "build:vcs:revision", Value: commit})
	}
	return &all
}

func date(epoch string) (string, error) {
	if epoch == "" || epoch == "0" {
		return "", nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return "", fmt.Errorf("epoch: %w", err)
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339), nil
}
