module example.org/skywire

go 1.26
