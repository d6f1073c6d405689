package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// image has the facts about an image apart from its programs.
type image struct {
	name    string
	base    string
	builder string
	gui     string
}

// banner matches busybox's own version line; Debian's contains the package's version.
var banner = regexp.MustCompile(`BusyBox v([0-9]+\.[0-9]+\.[0-9]+)(?: \(Debian ([^)]+)\))?`)

// write writes image.cdx.json, or nothing if the image has no name.
func (i image) write(program string, given told, folder string) error {
	if i.name == "" {
		return nil
	}
	distro, err := i.distribution()
	if err != nil {
		return err
	}
	certificates, err := i.certificates(distro)
	if err != nil {
		return err
	}
	components, err := i.busybox(distro)
	if err != nil {
		return err
	}
	packages, err := i.packages(distro)
	if err != nil {
		return err
	}
	components = append(components, certificates)
	components = append(components, packages...)
	if i.gui != "" {
		found, err := i.webInterface(program, given)
		if err != nil {
			return fmt.Errorf("%s: %w", program, err)
		}
		components = append(components, found)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Component: &cdx.Component{
			BOMRef:  i.name,
			Type:    cdx.ComponentTypeContainer,
			Name:    i.name,
			Version: given.version,
		},
	}
	bom.Components = &components
	return save(bom, given, filepath.Join(folder, "image.cdx.json"))
}

// distribution returns the builder's, such as debian-12; os-release(5).
func (i image) distribution() (string, error) {
	content, err := os.ReadFile(filepath.Join(i.builder, "etc", "os-release"))
	if err != nil {
		return "", err
	}
	said := map[string]string{}
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		said[key] = strings.Trim(value, `"`)
	}
	return said["ID"] + "-" + said["VERSION_ID"], nil
}

// certificates describes the builder's package ca-certificates; deb-control(5).
func (i image) certificates(distro string) (cdx.Component, error) {
	content, err := os.ReadFile(filepath.Join(i.builder, "var", "lib", "dpkg", "status"))
	if err != nil {
		return cdx.Component{}, err
	}
	for paragraph := range strings.SplitSeq(string(content), "\n\n") {
		if !strings.HasPrefix(paragraph, "Package: ca-certificates\n") {
			continue
		}
		version := control(paragraph)["Version"]
		purl := debianURL("ca-certificates", version, distro)
		return newOther("ca-certificates", version, purl, cdx.ComponentTypeData), nil
	}
	return cdx.Component{}, errors.New("the builder has no package ca-certificates")
}

// busybox describes the base's busybox; nothing if the base has no shell.
func (i image) busybox(distro string) ([]cdx.Component, error) {
	path := filepath.Join(i.base, "bin", "busybox")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	said := banner.FindSubmatch(content)
	if said == nil {
		return nil, fmt.Errorf("%s does not say its version", path)
	}
	version, packaged := string(said[1]), string(said[2])
	purl := "pkg:generic/busybox@" + version
	if packaged != "" {
		purl = debianURL("busybox", packaged, distro)
	}
	found := newOther("busybox", version, purl, cdx.ComponentTypeApplication)
	// Vulnerability databases know upstream's versions by this name.
	found.CPE = "cpe:2.3:a:busybox:busybox:" + version + ":*:*:*:*:*:*:*"
	digest := sha256.Sum256(content)
	found.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}}
	return []cdx.Component{found}, nil
}

// packages describes the base's Debian packages apart from busybox; nothing if the base records none.
// It has a file for each package in place of dpkg's status file, as distroless images do.
func (i image) packages(distro string) ([]cdx.Component, error) {
	folder := filepath.Join(i.base, "var", "lib", "dpkg", "status.d")
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var components []cdx.Component
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		fields := control(string(content))
		name, version := fields["Package"], fields["Version"]
		if name == "" || version == "" {
			return nil, fmt.Errorf("%s/%s does not name a package and its version", folder, entry.Name())
		}
		if name == "busybox-static" {
			continue // its program says more
		}
		components = append(components, newOther(name, version, sourceURL(fields, distro), cdx.ComponentTypeLibrary))
	}
	return components, nil
}

// control returns the single-line fields of a package's paragraph; deb-control(5).
func control(paragraph string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(paragraph) {
		if name, value, found := strings.Cut(line, ": "); found && !strings.HasPrefix(line, " ") {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}

// sourceURL returns the URL of a package's source: named "Source (version)" where it differs from the package.
func sourceURL(fields map[string]string, distro string) string {
	source, version, _ := strings.Cut(fields["Source"], " ")
	if source == "" {
		source = fields["Package"]
	}
	if version = strings.Trim(version, "()"); version == "" {
		version = fields["Version"]
	}
	return debianURL(source, version, distro)
}

// webInterface describes the web interface, a folder of the program's module with the module's version.
func (i image) webInterface(program string, given told) (cdx.Component, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return cdx.Component{}, err
	}
	subject, err := application(info, given)
	if err != nil {
		return cdx.Component{}, err
	}
	purl := ""
	if subject.PackageURL != "" {
		purl = packageURL(info.Main.Path, info.Main.Version) + "#" + i.gui
	}
	name := info.Main.Path + "/" + i.gui
	return newOther(name, subject.Version, purl, cdx.ComponentTypeApplication), nil
}

func newOther(name, version, purl string, kind cdx.ComponentType) cdx.Component {
	return cdx.Component{BOMRef: name, Type: kind, Name: name, Version: version, PackageURL: purl}
}

// rebuilt matches the end of a binary package's version if it was built again from the same source.
var rebuilt = regexp.MustCompile(`\+b[0-9]+$`)

// debianURL returns the URL of a source package, by which Debian's vulnerability data is organized.
func debianURL(source, version, distro string) string {
	escaped := strings.ReplaceAll(rebuilt.ReplaceAllString(version, ""), "+", "%2B")
	return "pkg:deb/debian/" + source + "@" + escaped + "?arch=source&distro=" + distro
}
