// Reads and writes wallet files with the node's own code: the judge of what a crash leaves.
//
//	judge load PASSWORD     the files named on standard input, one JSON line each
//	judge save FILE FOLDER  FILE as the node saves it into FOLDER
//	judge address FOLDER [FILE]
//	                        one more address of a FOLDER's mine.wlt, as the API's wallet/newAddress makes it; with a
//	                        FILE, another program puts it in the wallet's place first, while the node has it loaded
//	judge make FOLDER       the wallets of tests/saves, with new timestamps and nonces
//	judge passwords         encrypt and decrypt as often as four uses of a wallet's password do; the most memory
//	                        that was used, in KiB
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/skycoin/skycoin/src/cipher"
	"github.com/skycoin/skycoin/src/cipher/encrypt"
	"github.com/skycoin/skycoin/src/util/logging"
	"github.com/skycoin/skycoin/src/wallet"
)

// verdict is what the node's parser says of one file.
type verdict struct {
	File      string   `json:"file"`
	Error     string   `json:"error,omitempty"`
	Type      string   `json:"type,omitempty"`
	Addresses []string `json:"addresses"`
	// Keys counts the addresses whose secret key is there, decrypted where the wallet is encrypted.
	Keys int `json:"keys"`
	// Next is the address that the node would make next.
	Next string `json:"next,omitempty"`
}

const (
	seed = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
	name = "mine.wlt"
)

// strace counts the system calls of each thread, so all have to be one thread's.
func init() { runtime.LockOSThread() }

func main() {
	logging.Disable()
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "load":
		err = loadAll(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "save":
		err = save(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "address":
		err = address(os.Args[2], "")
	case len(os.Args) == 4 && os.Args[1] == "address":
		err = address(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "make":
		err = makeAll(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "passwords":
		err = passwords()
	default:
		err = fmt.Errorf(
			"usage: judge load PASSWORD | save FILE FOLDER | address FOLDER [FILE] | make FOLDER | passwords")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func passwords() error {
	password, crypto := []byte("secret"), encrypt.DefaultScryptChacha20poly1305
	for range 2 {
		encrypted, err := crypto.Encrypt([]byte(seed), password)
		if err != nil {
			return err
		}
		if _, err := crypto.Decrypt(encrypted, password); err != nil {
			return err
		}
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	fmt.Println(used.Maxrss)
	return nil
}

func loadAll(password string) error {
	out := json.NewEncoder(os.Stdout)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if err := out.Encode(judge(in.Text(), password)); err != nil {
			return err
		}
	}
	return in.Err()
}

// judge does what a start of the node does with each wallet: load, validate, refuse another coin.
func judge(file, password string) (said verdict) {
	said = verdict{File: filepath.Base(file), Addresses: []string{}}
	// Some bytes panic in v0.27.1: there the node does not start either.
	defer func() {
		if found := recover(); found != nil {
			said.Error = fmt.Sprintf("panic: %v", found)
		}
	}()
	w, err := wallet.Load(file)
	if err == nil {
		err = w.Validate()
	}
	if err == nil && w.Coin() != wallet.CoinTypeSkycoin {
		err = fmt.Errorf("coin %s", w.Coin())
	}
	if err != nil {
		said.Error = err.Error()
		return said
	}
	said.Type = w.Type()
	for _, address := range w.GetAddresses() {
		said.Addresses = append(said.Addresses, address.String())
	}
	if w.IsEncrypted() {
		if w, err = wallet.Unlock(w, []byte(password)); err != nil {
			return said
		}
	}
	for _, entry := range w.GetEntries() {
		if entry.Verify() == nil {
			said.Keys++
		}
	}
	said.Next = next(w)
	return said
}

func next(w wallet.Wallet) (address string) {
	defer func() { _ = recover() }()
	if w.Type() == wallet.WalletTypeCollection {
		return ""
	}
	made, err := w.GenerateAddresses(1)
	if err != nil {
		return ""
	}
	return made[0].String()
}

func save(file, folder string) error {
	w, err := wallet.Load(file)
	if err != nil {
		return err
	}
	return wallet.Save(w, folder)
}

func address(folder, other string) error {
	config := wallet.NewConfig()
	config.WalletDir, config.EnableWalletAPI = folder, true
	service, err := wallet.NewService(config)
	if err != nil {
		return err
	}
	if other != "" {
		if err := os.Rename(other, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	made, err := service.NewAddresses(name, nil, 1)
	if err != nil {
		return err
	}
	fmt.Println(made[0])
	return nil
}

// makeAll writes what a wallet is before and after each kind of save: GROUP.MOMENT.
func makeAll(folder string) error {
	for _, kind := range []string{wallet.WalletTypeDeterministic, wallet.WalletTypeBip44} {
		few, err := wallet.NewWallet(name, wallet.Options{Type: kind, Label: "mine", Seed: seed, GenerateN: 12})
		if err != nil {
			return err
		}
		many := few.Clone()
		if _, err := many.GenerateAddresses(8); err != nil {
			return err
		}
		if err := saveLocked(folder, kind, few, many); err != nil {
			return err
		}
	}
	few, err := wallet.NewWallet(name, wallet.Options{Type: wallet.WalletTypeCollection, Label: "mine"})
	if err != nil {
		return err
	}
	few, many := withKeys(few, 12), withKeys(few, 20)
	return saveLocked(folder, wallet.WalletTypeCollection, few, many)
}

func withKeys(w wallet.Wallet, count int) wallet.Wallet {
	collection := w.Clone().(*wallet.CollectionWallet)
	for _, secret := range cipher.MustGenerateDeterministicKeyPairs([]byte(seed), count) {
		public := cipher.MustPubKeyFromSecKey(secret)
		entry := wallet.Entry{Address: cipher.AddressFromPubKey(public), Public: public, Secret: secret}
		if err := collection.AddEntry(entry); err != nil {
			panic(err)
		}
	}
	return collection
}

// saveLocked saves both plainly, and encrypted with the quickest of the node's ways: its bytes are parsed alike.
func saveLocked(folder, kind string, few, many wallet.Wallet) error {
	for moment, w := range map[string]wallet.Wallet{"few": few, "many": many} {
		if err := saveAs(w, folder, kind+"."+moment); err != nil {
			return err
		}
		locked := w.Clone()
		if err := wallet.Lock(locked, []byte("secret"), wallet.CryptoTypeSha256Xor); err != nil {
			return err
		}
		if err := saveAs(locked, folder, kind+"."+moment+"-locked"); err != nil {
			return err
		}
	}
	return nil
}

func saveAs(w wallet.Wallet, folder, as string) error {
	aside, err := os.MkdirTemp(folder, "aside")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	if err := wallet.Save(w, aside); err != nil {
		return err
	}
	from, err := os.Open(filepath.Join(aside, name))
	if err != nil {
		return err
	}
	defer from.Close()
	into, err := os.Create(filepath.Join(folder, as+".wlt"))
	if err != nil {
		return err
	}
	defer into.Close()
	_, err = io.Copy(into, from)
	return err
}
