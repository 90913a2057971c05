// Package redistest runs Redis servers for tests, each in a folder of its own and on a socket there.
package redistest

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Server lasts as long as the test that started it.
type Server struct {
	t       testing.TB
	program string
	folder  string
	options []string
	process *exec.Cmd
}

// Start starts a server with these options of redis.conf, as "--requirepass", "secret". Where there is no Redis the test is
// skipped.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	folder, err := os.MkdirTemp("", "elect-redis-") // shorter than t.TempDir: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	server := &Server{t: t, program: find(t, folder), folder: folder, options: options}
	t.Cleanup(func() {
		server.Kill()
		os.RemoveAll(folder)
	})
	server.Restart()
	return server
}

// find answers a path of redis-server. The package redis-tools has it by another name, redis-check-rdb, and it is what it is
// called as.
func find(t testing.TB, folder string) string {
	t.Helper()
	if path, err := exec.LookPath("redis-server"); err == nil {
		return path
	}
	path, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		os.RemoveAll(folder)
		t.Skip("no redis-server, and no redis-check-rdb of the package redis-tools")
	}
	link := filepath.Join(folder, "redis-server")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// Restart starts the server again after Kill, empty, and waits until it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.process = exec.Command(s.program, append([]string{"--port", "0", "--unixsocket", s.socket(), "--save", "",
		"--appendonly", "no", "--dir", s.folder, "--loglevel", "warning"}, s.options...)...)
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if s.answers() {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal("redis-server does not answer")
		}
	}
}

// Kill ends the server at once.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // unless it has ended by itself
	_ = s.process.Wait()         // "signal: killed"
	os.Remove(s.socket())
	s.process = nil
}

func (s *Server) socket() string { return filepath.Join(s.folder, "socket") }

// URL is for elect.Config.Store.
func (s *Server) URL() string { return "redis+unix://" + s.socket() }

// Do sends a command and answers the first line of its answer, as "+OK" or "-ERR ...".
func (s *Server) Do(words ...string) string {
	s.t.Helper()
	answer, err := s.do(words...)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

func (s *Server) answers() bool {
	answer, err := s.do("PING")
	return err == nil && (answer == "+PONG" || strings.HasPrefix(answer, "-NOAUTH"))
}

func (s *Server) do(words ...string) (string, error) {
	connection, err := net.Dial("unix", s.socket())
	if err != nil {
		return "", err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	command := fmt.Sprintf("*%d\r\n", len(words))
	for _, word := range words {
		command += fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := connection.Write([]byte(command)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(connection).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}
