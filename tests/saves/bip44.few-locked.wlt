{
    "meta": {
        "bip44Coin": "8000",
        "coin": "skycoin",
        "cryptoType": "sha256-xor",
        "encrypted": "true",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "a9jQSDwJdqoHmP5W+wed9hqUEGvjzEbdno61uvrU0pGnryi6a/D3eriJbK/56wvE6CJFf0dCFw0xA0EIQPeXVw/7U9uWeucSV3avsitmGjGVx7K/9vxmza6nqHdt4Xmb2yGJIjO5iZ3h66zCj+0Bg8rMqemeLd3quHXXCCFDmXeV2FUjDFvCGMLREdww8inxAiKN0M9hBUisvAimPSzGFwRsSjifcEwsV/PjRoVoZP4VAteJ6mDYLRpcO5hoIpwTvQXtmiBWVZgvKTJ5Eeg4943loSuN3XyDkfqzg4ZoaCr8/en4LjutxDJCazc0VryDSdp8f2nDzOzT/SfVJ1Ol7v7DTjYBWLqyJ758aFqtpB5tdy4g9/jc3l9tibhBl4NrmDXwBP64N241YzQaHrG8h6lLNUlkY0aEKDNx0oBZ7qitN+5zl4uEgaQDxAdPTs9Pwm1ewOneZQI0Oy5PHXuG40hqqCK2TM8WjhLAPSNO70vOyNrlisFodL0x/Hxv5/xeBfOFyH9I0dcqFVs9MfgxW4ApW1RUZkd4e6wh2nTXzWq6r2N0+eBV9D/HZeyAg5TK2blP/Rt/LhR93IkkPbuGrJI7cJp35g/9+kBdPLX+W5UpnPw/sBy94ef3e3VyXoQ9+co440GPxy8XUW4GDDx/xkYxiMwla2243MbU0bFP3O0HmxQv7TAGNPo5PmhNUYHfkyhzzU4XN2kuxAMHmymCa2AEZdJgCgI7B7dGXS+7KbMKjprQR3RLJX72aN+PhgzclknD2frZLklk3bwCU+m+IgyhnGdGl1WPWpcvj+5xvwHq6CpREza0QiRgdMoANiMiDFXNRrcd096BAZtmfjgHGUr3wocZa7vsAlr7Hlzaki1QayyGYyzjVjAgi8SThQUh5Ll77Pim/9Zl2zQA67Ip7PoW5zZBiaiz9r5z1OWqbFUv3vvjQyUwKyHdmXgDQB25PqdfzYjKXjoHEynvNhiHYJtCopiFQ3r1ZwHco8f94gls2HWwifPiKb08XA8LM3nAP73Zw7QZydTRZPDDFoU0K09P7Iy+Qq49Nhd5iyhwN64qDGAZ9ZQIjRpUTqDApARubXNs3ac4HEXR9pBEYJcicWvcxZiBLl6hQ6KKPIZVGhTTIKy58ZMyjHCZwsvMurt3QkPWAdcqpj08RXn2ryBIZ8CaFbI7c4vX47r7DBLsBkhcvNoTX5/dtzKjmMCljjQeJLmKTttz0EXOFdvhqBQX/3Ys/fd6r8M1ykpf6sN5fnxpjVvoVZ6udnxR1GUGphHArhYJb2pZK/uS8Ayd0JfcA+1yBTfzAzy+ZbpI4UPx+kFyxXGP5vJcvU2BcPSLLB97IwRmkuQU51iRlIvqiIBAJXhcv9eBpQA8zOd/+tfzBGbFFhEd8FmcrHoor5laE8ZrGthDookeEJLL9mXLol+9CXrGPxp+9bEllbLAeGp8KqPcx5/NuQxiAaK7bonnFZHM21mzLQH4GQzvJIJXdXX4ee5YbH2Zb3F5rGYEiTOI8/nwaB9uXSTwYstJ+x1oxDxw+1+zInaRgspu/3Vc3586Q+4IRYtm5XQjpLsKCkyGGg7U5oLB73/xsEd7X4iuGco8paT69WqNqX6mufYPsPW6UGZl4ClGkmVavt5BsysaeCU4WJWTO8ZQsnrPJXf8VC58xWZpPIInJ9sMsvIYAQ8DSuixPGmNbF6iTUGhKqKcCvpF2Q5P/KZkI8ULkYOJop8NV1i0A0L/ea1d8gpZC2chj1BoSklrqqoRszAPx0sxCsOeU29BSfZV/g+jWhcmlWMAiA35DJ/Z0P4OtlljnvgaCvyZW3Sg2epj2wm8iSrZAoHVv7Mv7Fkh0NK9wTpGLmK5HzYqQ8SwcrDxwINXLtayCYaDWZICqdvFAafM4uEn60KIAX2Nq2VszbMDh5qLami3s1VHo6kdWVSY2XKdkgah6S3TfwSlv+WXvRNUBNcFAEG4PfdKvmWWas0cgyltd81CCFHyZou26nSrWm82iMy/uw==",
        "seed": "",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "bip44",
        "version": "0.4",
        "xpub": ""
    },
    "entries": [
        {
            "address": "28RHxxgAsbCuTv5U9VgWrDGDUpoho2gbh66",
            "public_key": "039e0c6f81b21033f3b432df52f7415c679fac19b24cde06a6e104f0e7120121d1",
            "secret_key": "",
            "child_number": 0,
            "change": 0
        },
        {
            "address": "2bjtkT6qDBxhBSLsVK5TmRHfZBy35z7sMVq",
            "public_key": "0218cfe1bc329912a15643d80fc91dbd05b38e39c136956f53d439abe80a3c9d9a",
            "secret_key": "",
            "child_number": 1,
            "change": 0
        },
        {
            "address": "ESpFpppHvDqjVqomrywxK6zYc5jgKKLBhP",
            "public_key": "0255909da62d98696b7a94c8210a100f4cca0eb2c15d0033a0b05003cd4ed507fe",
            "secret_key": "",
            "child_number": 2,
            "change": 0
        },
        {
            "address": "xSUeuSe92o5mkgfMBv3psftExrDyH2UMZL",
            "public_key": "03c210cff41d118d16cbcf4f17e06b84d9bb5e91d1ef99a6b192bb7d662c61986d",
            "secret_key": "",
            "child_number": 3,
            "change": 0
        },
        {
            "address": "2hH41qeKhcYAq5aG1pPXJqJQjhA8oWYJSZU",
            "public_key": "025ed631f43ffb866fa1acdc26625f8d4c3fab98d90077bba9c26ef99f28bc0e74",
            "secret_key": "",
            "child_number": 4,
            "change": 0
        },
        {
            "address": "2JKwB9BHXif8raVPcDYyJVdww3YFuPQmYH4",
            "public_key": "03eb9587aa837c108b7615c46040f67701a51627bfdd31a77417923e8f264f050e",
            "secret_key": "",
            "child_number": 5,
            "change": 0
        },
        {
            "address": "yxVDqfCBuw1Y7NhqyibtYmYafyif2fXywr",
            "public_key": "03b958a0289ff7467b67dd97ccbd983eeafefe6f912ca5c9c7118a7a1f5fcc5d85",
            "secret_key": "",
            "child_number": 6,
            "change": 0
        },
        {
            "address": "6BN5MVTasz827XoE9KLKKRfSmVyytQeKgF",
            "public_key": "023f98eec43d5a2a617c4d0302f03fda2643de9140955be60817899d1bec1fc5d3",
            "secret_key": "",
            "child_number": 7,
            "change": 0
        },
        {
            "address": "2iFcZhpGsgRxUdsWebWcuxCzeJGXFdq6vwt",
            "public_key": "035df8bb2b50ea76a554391609b85187a951ea06888f356d4525b417178b532095",
            "secret_key": "",
            "child_number": 8,
            "change": 0
        },
        {
            "address": "2NKCshdtZNotfZepi3ajxTQSVBxTK4W2g56",
            "public_key": "02cbc9b46d12ebea165fc670a5457b159f4bc3f7aacc2a8410241bde5f4dcdbfdf",
            "secret_key": "",
            "child_number": 9,
            "change": 0
        },
        {
            "address": "g43PzCRP6tfxJCX2TncXFQZSQUQhdyKLJj",
            "public_key": "0306e1a66ede3a9bc62eee133ae0048a055d5d18c035dfcde475d6602cbaf1efc2",
            "secret_key": "",
            "child_number": 10,
            "change": 0
        },
        {
            "address": "2KTGsSv7hEuSQ6an8HYzCJ3GKcpgoLLcdcx",
            "public_key": "02751c364d7f6f4b189dff5070ed9b532dfa6c35442edff98784651d3be36d64e2",
            "secret_key": "",
            "child_number": 11,
            "change": 0
        }
    ]
}