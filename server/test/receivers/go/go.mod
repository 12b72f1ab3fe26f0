module posthorn.test/receiver

go 1.19
